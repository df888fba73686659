// Package artmailsim simulates Artmail's agents marketplace as far as it is documented: the events it posts to an
// agent's webhook, their signature, and how delivery is tried again until the activation is paused. It knows nothing
// of Signalbox.
//
// The envelope is only partly documented; Envelope says which of the possible shapes a run has. The API that an agent
// calls is not documented at all: what is served under /agent-api/ is this simulator's own invention, so that an agent
// in a demo or a test has something to call, and no client may be built on it.
package artmailsim

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Documented durations, before TimeScale.
const (
	attemptTimeout   = 8 * time.Second
	inactivityWindow = 15 * time.Minute
)

// minAttemptTimeout bounds how far TimeScale shortens an attempt: the receiver's work takes its real time.
const minAttemptTimeout = 2 * time.Second

// Agent is a listed agent: one webhook URL for the activations of all brands.
type Agent struct {
	Slug       string
	WebhookURL string
	// Secret signs the events. It must not be empty.
	Secret string
}

// Options configure a Simulator. Only Agents are needed.
type Options struct {
	Agents []Agent
	// TimeScale multiplies all of Artmail's durations: 0.001 makes a minute of 60 ms. Default: 1.
	TimeScale float64
	// Envelope is the shape of the events; what it leaves open is drawn by chance for the whole run.
	Envelope Envelope
	// Undocumented says how the other points are handled that the documentation leaves open.
	Undocumented Undocumented
	// StateFile keeps activations, messages and runs, so that a restart goes on with them; it holds the activations' API
	// keys. Empty: nothing outlives Close. Deliveries that were under way when the simulator stopped are lost, and the
	// clocks of runs begin anew.
	StateFile string
	// StateSealer seals the state file. Nil: it is in clear.
	StateSealer simbase.Sealer
	// Seed decides everything that is left to chance, ids included. 0 draws one.
	Seed uint64
	// Now is the clock of all timestamps. Default: the system's.
	Now func() time.Time
	// Transport carries the webhooks. Default: one of the simulator's own.
	Transport http.RoundTripper
}

// Simulator is a simulated Artmail: an http.Handler of the invented agent API under /agent-api/ and the controls under
// /sim/. Its methods are safe for concurrent use.
type Simulator struct {
	*simbase.Base

	opts     Options
	envelope Envelope
	scale    atomic.Uint64 // bits of the time scale

	mu          sync.Mutex
	agents      map[string]*Agent
	activations map[string]*activation
	order       []string          // activation ids, oldest first
	keyOwner    map[string]string // api key → activation id
	messages    map[string]*message
	runs        map[string]*run
}

// New makes a simulator. An agent without slug, webhook URL or secret is refused.
func New(opts Options) (*Simulator, error) {
	agents := make(map[string]*Agent, len(opts.Agents))
	for _, agent := range opts.Agents {
		if agent.Slug == "" || agent.WebhookURL == "" || agent.Secret == "" {
			return nil, fmt.Errorf("artmailsim: agent %q lacks its slug, webhook URL or secret", agent.Slug)
		}
		agents[agent.Slug] = &agent
	}
	if len(agents) == 0 {
		return nil, errors.New("artmailsim: no agent")
	}
	opts.TimeScale = cmp.Or(max(opts.TimeScale, 0), 1)
	if opts.Undocumented.DirectBackoff == nil {
		opts.Undocumented.DirectBackoff = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	}
	if opts.Undocumented.QueueIntervals == nil {
		opts.Undocumented.QueueIntervals = []time.Duration{12 * time.Minute, 48 * time.Minute, 3 * time.Hour}
	}
	s := &Simulator{
		opts:        opts,
		agents:      agents,
		activations: map[string]*activation{},
		keyOwner:    map[string]string{},
		messages:    map[string]*message{},
		runs:        map[string]*run{},
	}
	s.scale.Store(math.Float64bits(opts.TimeScale))
	s.Base = simbase.New(simbase.Options{
		Events: Events, Seed: opts.Seed, Now: opts.Now, Transport: opts.Transport, StateFile: opts.StateFile, StateSealer: opts.StateSealer,
		WebhookTimeout: max(s.scaled(attemptTimeout), minAttemptTimeout), MaxDelay: s.scaled(10 * time.Minute),
	})
	var err error
	if s.envelope, err = opts.Envelope.draw(s.Dice); err != nil {
		return nil, err
	}
	s.agentAPI()
	s.controls()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Keep(s.encodeState)
	return s, nil
}

// Envelope is the shape that the run's events have.
func (s *Simulator) Envelope() Envelope { return s.envelope }

// unknownAgent names the agents that the simulator has.
func (s *Simulator) unknownAgent(slug string) error {
	return fmt.Errorf("agent %q: %w: want one of %q", slug, simbase.ErrUnknown, slices.Sorted(maps.Keys(s.agents)))
}

// SetAgent replaces a listed agent's webhook URL and secret, where they are not empty, for events from now on.
func (s *Simulator) SetAgent(slug, webhookURL, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	agent, ok := s.agents[slug]
	if !ok {
		return s.unknownAgent(slug)
	}
	if webhookURL != "" {
		agent.WebhookURL = webhookURL
	}
	if secret != "" {
		agent.Secret = secret
	}
	return nil
}
