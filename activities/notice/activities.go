package notice

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Config holds the dependencies of the activities.
type Config struct {
	// Temporal is the client of the namespace in which sources and targets run.
	Temporal client.Client
	// Callbacks are the callbacks by name.
	Callbacks map[string]Callback
	// Accounts are the names of callbacks by Offload account, for cases whose start names no callback.
	Accounts map[string][]string
	// Agents are the Artmail agents by name.
	Agents map[string]Agent
	// Transport wraps the HTTP transport of posts to callbacks, for example to trace them; nil: no wrapper.
	Transport func(http.RoundTripper) http.RoundTripper
	// Now is the clock. Required.
	Now func() time.Time
}

// Callback is a URL that gets signed notices.
type Callback struct {
	URL string
	// Secrets are in the form of Standard Webhooks, "whsec_" and base64. Each post has a signature by each secret: there are two while one
	// replaces the other.
	Secrets []string
	// AllowPrivate allows a private address. Its posts also use the HTTP proxy of the environment, which other callbacks do not.
	AllowPrivate bool
}

// Agent holds the targets of notices of an agent's activations.
type Agent struct {
	// Notify are the callbacks that get the notices of runs and activations, and of approvals that name no callback.
	Notify []string
	// HandOver is the agent's hand-over workflow; nil if it has none.
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

// New returns the activities. It fails without a clock, and for a malformed secret; the error does not contain the secret.
func New(config Config) (*Activities, error) {
	a := &Activities{
		temporal: config.Temporal, accounts: config.Accounts, agents: config.Agents, now: config.Now,
		callbacks: make(map[string]*callback, len(config.Callbacks)), public: newTransport(false), private: newTransport(true),
	}
	if a.now == nil {
		return nil, errors.New("notice activities: clock: missing")
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
				return nil, fmt.Errorf("callback %q: secret %d is malformed: want \"whsec_\" and base64", name, i+1)
			}
			made.signers = append(made.signers, signer)
		}
		a.callbacks[name] = made
	}
	return a, nil
}

// Close closes idle connections.
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
