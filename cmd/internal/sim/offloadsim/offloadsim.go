// Package offloadsim simulates Offload: its four HTTP routes, its cases and its webhooks, as far as they are
// documented. It knows nothing of Signalbox. What the documentation leaves open is drawn by chance or set in
// Undocumented, so that no client learns to rely on one answer.
//
// What a case goes through is decided by its script, by the Go methods of Simulator, or over HTTP under /sim/. What
// goes wrong is decided by the courier's faults (webhooks) and by FailNext and SetFailureRates (the API).
package offloadsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/statefile"
)

// Key is an API key that the simulator accepts.
type Key struct {
	Value string
	// Owner owns the cases created with the key; another owner's key gets 403 for them.
	Owner string
	// Inactive keys exist, but get 403 everywhere.
	Inactive bool
}

// Options configure a Simulator. Only Keys are needed.
type Options struct {
	Keys []Key
	// PublicURL is the base of download URLs. Default: http and the Host of the request.
	PublicURL string
	// MonthlyCap is how many cases an owner may create in a UTC month; 0 is no cap.
	MonthlyCap int
	// DefaultScript is for cases that choose none. Default: ScriptManual.
	DefaultScript Script
	// Pace is the pause before each step of a script, and before an accepted answer takes effect. Default: 1 s.
	Pace time.Duration
	// Undocumented says how the points are handled that the documentation leaves open.
	Undocumented Undocumented
	// WebhookTimeout bounds one webhook. Default: 10 s (not documented).
	WebhookTimeout time.Duration
	// StateFile keeps the cases, so that a restart goes on with them. Empty: nothing outlives Close. What was on its way
	// when the simulator stopped is lost, as Offload's webhooks are.
	StateFile string
	// Seed decides everything that is left to chance, ids of cases included. 0 draws one: the same ids in every run
	// would meet what earlier runs left behind.
	Seed uint64
	// Now is the clock of all timestamps. Default: the system's.
	Now func() time.Time
	// Transport carries the webhooks. Default: one of the simulator's own.
	Transport http.RoundTripper
}

// Simulator is a simulated Offload: an http.Handler with controls. Its methods are safe for concurrent use.
type Simulator struct {
	// Webhooks carries the webhooks; its Faults decide what goes wrong on their way.
	Webhooks *courier.Courier

	opts   Options
	keys   map[string]Key
	dice   *courier.Dice
	mux    *http.ServeMux
	closed chan struct{}

	state     *statefile.File // nil where none is kept
	closeOnce sync.Once

	mu           sync.Mutex
	undocumented Undocumented
	failures     failures
	cases        map[string]*offloadCase
	order        []string // case ids, oldest first
	created      map[ownerMonth]int
	downloads    map[string]download
	changed      bool // since the state was last encoded
}

// New makes a simulator. It refuses to run without an API key.
func New(opts Options) (*Simulator, error) {
	if len(opts.Keys) == 0 {
		return nil, errors.New("offloadsim: no API key")
	}
	keys := make(map[string]Key, len(opts.Keys))
	for _, key := range opts.Keys {
		if key.Value == "" {
			return nil, errors.New("offloadsim: empty API key")
		}
		keys[key.Value] = key
	}
	opts = withDefaults(opts)
	if !opts.DefaultScript.known() {
		return nil, errors.New("offloadsim: unknown default script " + string(opts.DefaultScript))
	}
	dice := courier.NewDice(opts.Seed)
	s := &Simulator{
		Webhooks: courier.New(courier.Options{
			Transport: opts.Transport,
			Timeout:   opts.WebhookTimeout,
			MaxDelay:  5 * opts.Pace,
			MaxHold:   5 * opts.Pace,
			Now:       opts.Now,
			Dice:      dice,
		}),
		opts:         opts,
		keys:         keys,
		dice:         dice,
		closed:       make(chan struct{}),
		undocumented: opts.Undocumented,
		failures:     failures{dice: dice, planned: map[Route][]Failure{}},
		cases:        map[string]*offloadCase{},
		created:      map[ownerMonth]int{},
		downloads:    map[string]download{},
	}
	s.mux = s.routes()
	if opts.StateFile != "" {
		s.state = statefile.New(opts.StateFile, nil, s.encodeState)
		if err := s.load(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.Webhooks.Go(s.state.Keep)
	}
	return s, nil
}

// ServeHTTP answers Offload's routes, the downloads, and the controls under /sim/.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close stops scripts, webhooks and hanging requests, and returns when none of them runs any more. Its error says that
// the state file could not be written.
func (s *Simulator) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	s.Webhooks.Close()
	if s.state == nil {
		return nil
	}
	if err := s.state.Save(); err != nil {
		return fmt.Errorf("offloadsim: %w", err)
	}
	return nil
}

// Seed is the seed of this run; with it the run's chances can be had again.
func (s *Simulator) Seed() uint64 { return s.opts.Seed }

// SetUndocumented changes how the undocumented points are handled from now on.
func (s *Simulator) SetUndocumented(u Undocumented) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undocumented = u
}

func withDefaults(opts Options) Options {
	if opts.DefaultScript == "" {
		opts.DefaultScript = ScriptManual
	}
	if opts.Pace <= 0 {
		opts.Pace = time.Second
	}
	if opts.WebhookTimeout <= 0 {
		opts.WebhookTimeout = 10 * time.Second
	}
	if opts.Seed == 0 {
		opts.Seed = rand.Uint64()
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the default clock of the simulated provider
	}
	if opts.Transport == nil {
		opts.Transport = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	}
	return opts
}
