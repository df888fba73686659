// Package offloadsim simulates Offload: its four HTTP routes, its cases and its webhooks, as far as they are
// documented. It knows nothing of Signalbox. What the documentation leaves open is drawn by chance or set in
// Undocumented, so that no client learns to rely on one answer.
//
// What a case goes through is decided by its script, by the Go methods of Simulator, or over HTTP under /sim/, where GET
// /sim/ lists the controls. What goes wrong is decided by the faults of Webhooks and by Calls (the API).
package offloadsim

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
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

// Simulator is a simulated Offload: an http.Handler of Offload's routes, the downloads, and the controls under /sim/. Its
// methods are safe for concurrent use.
type Simulator struct {
	*simbase.Base
	// Calls decides which calls of the API fail, and how. Its events are routes.
	Calls *courier.Plan[Failure]

	opts Options
	keys map[string]Key

	mu           sync.Mutex
	undocumented Undocumented
	cases        map[string]*offloadCase
	order        []string // case ids, oldest first
	created      map[ownerMonth]int
	downloads    map[string]issuedDownload
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
	opts.DefaultScript = cmp.Or(opts.DefaultScript, ScriptManual)
	opts.Pace = cmp.Or(max(opts.Pace, 0), time.Second)
	opts.WebhookTimeout = cmp.Or(max(opts.WebhookTimeout, 0), 10*time.Second)
	if !opts.DefaultScript.known() {
		return nil, errors.New("offloadsim: unknown default script " + string(opts.DefaultScript))
	}
	s := &Simulator{
		Base: simbase.New(simbase.Options{
			Events: Events, Seed: opts.Seed, Now: opts.Now, Transport: opts.Transport, StateFile: opts.StateFile,
			WebhookTimeout: opts.WebhookTimeout, MaxDelay: 5 * opts.Pace,
		}),
		opts:         opts,
		keys:         keys,
		undocumented: opts.Undocumented,
		cases:        map[string]*offloadCase{},
		created:      map[ownerMonth]int{},
		downloads:    map[string]issuedDownload{},
	}
	s.Calls = NewCalls(s.Dice)
	s.routes()
	s.controls()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Keep(s.encodeState)
	return s, nil
}

// NewCalls returns a plan without failures for the calls of the API.
func NewCalls(dice *courier.Dice) *courier.Plan[Failure] {
	return courier.NewPlan(dice, "failure", allFailures, allRoutes...)
}

// SetUndocumented changes how the undocumented points are handled from now on.
func (s *Simulator) SetUndocumented(u Undocumented) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undocumented = u
}
