// Package simbase is the common base of both simulated providers: randomness, clock, webhooks, state file, and controls over HTTP.
package simbase

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

var (
	// ErrUnknown is returned for an ID that the simulator does not know; the controls answer 404.
	ErrUnknown = errors.New("unknown to the simulator")
	// ErrTransition is returned for a step that the state of its object does not allow; the controls answer 409.
	ErrTransition = errors.New("the state does not allow this step")
)

// Options configure a Base. WebhookTimeout and MaxDelay are required.
type Options struct {
	// Seed decides all random choices, including IDs. 0 draws a seed.
	Seed uint64
	// Now is the clock of all timestamps. Default: the system's.
	Now func() time.Time
	// Events are the kinds of events that the provider sends; a fault of webhooks may name one.
	Events []string
	// Transport carries the webhooks. Default: an HTTP transport that only this simulator uses.
	Transport http.RoundTripper
	// WebhookTimeout bounds one attempt of a webhook; MaxDelay bounds how late a delayed or reordered one is.
	WebhookTimeout, MaxDelay time.Duration
	// StateFile keeps the state over restarts. Without it, the state is lost at Close.
	StateFile string
	// StateSealer seals the state file. Without it, the file is in clear text.
	StateSealer Sealer
}

// Base is the common part of all simulators, which embed it.
type Base struct {
	// Webhooks sends the webhooks, with the faults that its Faults plan.
	Webhooks *courier.Courier
	// Dice makes the random choices, Now is the clock, Mux has the routes.
	Dice *courier.Dice
	Now  func() time.Time
	Mux  *http.ServeMux

	seed     uint64
	controls []string

	file   string
	sealer Sealer
	encode func() ([]byte, error) // nil: no state is kept

	changed atomic.Bool
	saving  sync.Mutex
	saveErr error // the first failure to save
}

// New returns a Base with the controls that all simulators have.
func New(opts Options) *Base {
	if opts.Seed == 0 {
		opts.Seed = rand.Uint64()
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the default clock of a simulated provider
	}
	if opts.Transport == nil {
		opts.Transport = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	}
	dice := courier.NewDice(opts.Seed)
	b := &Base{
		Webhooks: courier.New(courier.Options{
			Events: opts.Events, Transport: opts.Transport, Timeout: opts.WebhookTimeout, MaxDelay: opts.MaxDelay, MaxHold: opts.MaxDelay, Now: opts.Now, Dice: dice,
		}),
		Dice: dice, Now: opts.Now, Mux: http.NewServeMux(),
		seed: opts.Seed, file: opts.StateFile, sealer: opts.StateSealer,
	}
	b.commonControls()
	return b
}

// Seed returns the seed of this run. Another run with the same seed makes the same random choices.
func (b *Base) Seed() uint64 { return b.seed }

// ServeHTTP implements http.Handler.
func (b *Base) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.Mux.ServeHTTP(w, r) }

// Close ends webhooks, scripts and clocks, and returns when none of them runs any more. It fails if the state file could not be written.
func (b *Base) Close() error {
	b.Webhooks.Close()
	return b.save()
}
