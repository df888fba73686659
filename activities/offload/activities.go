package offload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
)

// Config holds the dependencies of the activities. All fields are required.
type Config struct {
	// Accounts are the clients by account name. The start of a case names its account.
	Accounts map[string]*offloadapi.Client
	// Keys make the token of a case's capability URL.
	Keys *keyring.Ring
	// PublicURL is the URL at which Offload reaches the ingress, such as https://hooks.example.com. It may have a path.
	PublicURL string
	// Now is the clock.
	Now func() time.Time
}

// Activities are the Offload activities.
type Activities struct {
	accounts  map[string]*offloadapi.Client
	keys      *keyring.Ring
	publicURL string
	now       func() time.Time
	// random is uniform in [0,1); it spreads retries over time.
	random func() float64
}

// New returns the activities, or an error with all mistakes in the configuration.
func New(cfg Config) (*Activities, error) {
	var wrong []error
	if len(cfg.Accounts) == 0 {
		wrong = append(wrong, errors.New("accounts: at least one is required"))
	}
	for name, client := range cfg.Accounts {
		if client == nil {
			wrong = append(wrong, fmt.Errorf("account %q: client is missing", name))
		}
	}
	if cfg.Keys == nil {
		wrong = append(wrong, errors.New("keys: missing"))
	}
	publicURL, err := parsePublicURL(cfg.PublicURL)
	if err != nil {
		wrong = append(wrong, err)
	}
	if cfg.Now == nil {
		wrong = append(wrong, errors.New("clock: missing"))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("offload activities: %w", errors.Join(wrong...))
	}
	return &Activities{
		accounts:  cfg.Accounts,
		keys:      cfg.Keys,
		publicURL: publicURL,
		now:       cfg.Now,
		random:    rand.Float64,
	}, nil
}

// Register registers the activities by the contract's names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.CreateCase, activity.RegisterOptions{Name: workflows.ActivityOffloadCreateCase})
	registry.RegisterActivityWithOptions(a.ProvideInput, activity.RegisterOptions{Name: workflows.ActivityOffloadProvideInput})
	registry.RegisterActivityWithOptions(a.GetCase, activity.RegisterOptions{Name: workflows.ActivityOffloadGetCase})
	registry.RegisterActivityWithOptions(a.ReconcileCase, activity.RegisterOptions{Name: workflows.ActivityOffloadReconcileCase})
}

// RegisterLocal registers the local activity, which runs in the worker of the workflows.
func (a *Activities) RegisterLocal(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.CheckResult, activity.RegisterOptions{Name: workflows.ActivityOffloadCheckResult})
}

// CheckResult is the local activity "offload.check-result": it checks a result against the resultSchema of its request, because Offload does
// not check it (Offload, "Result schema"). It never fails: the ResultCheck says why a result could not be checked.
func (a *Activities) CheckResult(_ context.Context, p workflows.CheckResultParams) (workflows.ResultCheck, error) {
	return resultschema.Check(p.Schema, p.Result), nil
}

// parsePublicURL returns the URL without a slash at its end. It allows http: a proxy may handle TLS, or everything may run on one machine.
func parsePublicURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		return "", errors.New("public URL: want http or https, a host, and no user name")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", fmt.Errorf("public URL %q: want http or https, a host, no query and no fragment", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}
