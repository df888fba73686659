package notice

import (
	"fmt"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Config is what the activities work with.
type Config struct {
	// Temporal is the client of the namespace in which sources and targets run.
	Temporal client.Client
	// Callbacks by name.
	Callbacks map[string]Callback
	// Accounts are the callbacks that get the notices of a case whose start names none, by Offload account.
	Accounts map[string][]string
	// Agents by name.
	Agents map[string]Agent
	// Transport wraps what posts to callbacks; nil: nothing does.
	Transport func(http.RoundTripper) http.RoundTripper
	Now       func() time.Time
}

// Callback is where notices are posted to, and how they are signed.
type Callback struct {
	URL string
	// Secrets are in the form of Standard Webhooks, "whsec_" and base64. Each makes a signature: several while one rolls.
	Secrets []string
	// AllowPrivate lets the URL lead to a private address, and lets the environment's proxy be used.
	AllowPrivate bool
}

// Agent is what the notices of an agent's activations need.
type Agent struct {
	// Notify are the callbacks that get the notices of runs and activations, and of approvals that name none.
	Notify []string
	// HandOver is the agent's own workflow; nil: it has none.
	HandOver *workflows.HandOver
}

// Activities are the activities for notices.
type Activities struct {
	temporal        client.Client
	callbacks       map[string]*callback
	accounts        map[string][]string
	agents          map[string]Agent
	public, private *http.Transport
	now             func() time.Time
}

// New makes the activities. It fails where a secret is none; the error does not hold the secret.
func New(config Config) (*Activities, error) {
	a := &Activities{
		temporal: config.Temporal, accounts: config.Accounts, agents: config.Agents, now: config.Now,
		callbacks: make(map[string]*callback, len(config.Callbacks)), public: newTransport(false), private: newTransport(true),
	}
	if a.now == nil {
		a.now = time.Now //nolint:forbidigo // no clock was given
	}
	wrap := config.Transport
	if wrap == nil {
		wrap = func(transport http.RoundTripper) http.RoundTripper { return transport }
	}
	for name, c := range config.Callbacks {
		made := &callback{url: c.URL, client: newClient(wrap(a.public)), slots: make(chan struct{}, postsAtOnce)}
		if c.AllowPrivate {
			made.client = newClient(wrap(a.private))
		}
		for i, secret := range c.Secrets {
			signer, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				return nil, fmt.Errorf("callback %q: secret %d is not base64", name, i+1)
			}
			made.signers = append(made.signers, signer)
		}
		a.callbacks[name] = made
	}
	return a, nil
}

// Close closes the connections that no post uses.
func (a *Activities) Close() {
	a.public.CloseIdleConnections()
	a.private.CloseIdleConnections()
}

// Register registers the activities by the contract's names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.HandOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	registry.RegisterActivityWithOptions(a.Signal, activity.RegisterOptions{Name: workflows.ActivityNoticeSignal})
	registry.RegisterActivityWithOptions(a.Post, activity.RegisterOptions{Name: workflows.ActivityNoticePost})
	registry.RegisterActivityWithOptions(a.Start, activity.RegisterOptions{Name: workflows.ActivityNoticeStart})
}
