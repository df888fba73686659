// Package simbase is what both simulated providers are built on: chance, a clock, webhooks, a state file, and controls over HTTP. It knows
// no provider.
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
	ErrTransition = errors.New("its state does not allow it")
)

// Options configure a Base. WebhookTimeout and MaxDelay are needed.
type Options struct {
	// Seed decides everything that is left to chance, IDs included. 0 draws one.
	Seed uint64
	// Now is the clock of all timestamps. Default: the system's.
	Now func() time.Time
	// Transport carries the webhooks. Default: an HTTP transport that only this simulator uses.
	Transport http.RoundTripper
	// WebhookTimeout bounds one attempt of a webhook, MaxDelay how late a delayed or reordered one is.
	WebhookTimeout, MaxDelay time.Duration
	// StateFile keeps the state over restarts. Empty: nothing outlives Close.
	StateFile string
	// StateSealer seals the state file. Nil: it is in clear.
	StateSealer Sealer
}

// Base is the part that all simulators have; a simulator embeds it.
type Base struct {
	// Webhooks carries the webhooks; its Faults decide what goes wrong on their way.
	Webhooks *courier.Courier
	// Dice is the simulator's chance, Now its clock, Mux its routes.
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

// New makes a base, with the controls that all simulators have.
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
			Transport: opts.Transport, Timeout: opts.WebhookTimeout, MaxDelay: opts.MaxDelay, MaxHold: opts.MaxDelay, Now: opts.Now, Dice: dice,
		}),
		Dice: dice, Now: opts.Now, Mux: http.NewServeMux(),
		seed: opts.Seed, file: opts.StateFile, sealer: opts.StateSealer,
	}
	b.commonControls()
	return b
}

// Seed is the seed of this run; another run with it takes the same chances.
func (b *Base) Seed() uint64 { return b.seed }

// ServeHTTP implements http.Handler.
func (b *Base) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.Mux.ServeHTTP(w, r) }

// Close ends webhooks, scripts and clocks, and returns when none of them runs any more. Its error says that the state file could not be
// written.
func (b *Base) Close() error {
	b.Webhooks.Close()
	return b.save()
}
