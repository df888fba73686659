package torture

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Waited is how long a player waited for something, and what was in the way when it was last looked.
type Waited struct {
	Who     string  `json:"who"`
	What    string  `json:"what"`
	Seconds float64 `json:"seconds"`
	Because string  `json:"because,omitempty"`

	since time.Time
}

func (w Waited) String() string {
	said := fmt.Sprintf("%s: %s: %.0f s", w.Who, w.What, w.Seconds)
	if w.Because != "" {
		said += ", " + w.Because
	}
	return said
}

// waits remembers what is being waited for and what took longest.
type waits struct {
	clock func() time.Time

	mu      sync.Mutex
	open    map[*Waited]bool
	longest []Waited
}

const (
	// keptWaits is how many of the longest are kept.
	keptWaits = 5
	// longWait is when a wait is worth telling.
	longWait = 10 * time.Second
)

func newWaits(clock func() time.Time) *waits { return &waits{clock: clock, open: map[*Waited]bool{}} }

// until is the players' until.
func (w *waits) until(ctx context.Context, who, what string, holds func(context.Context) (bool, error)) error {
	one := &Waited{Who: who, What: what, since: w.clock()}
	w.mu.Lock()
	w.open[one] = true
	w.mu.Unlock()
	defer w.end(one)
	return until(ctx, what, func(ctx context.Context) (bool, error) {
		held, err := holds(ctx)
		if err != nil {
			w.mu.Lock()
			one.Because = err.Error()
			w.mu.Unlock()
		}
		return held, err
	})
}

func (w *waits) end(one *Waited) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, one)
	one.Seconds = w.clock().Sub(one.since).Seconds()
	w.longest = append(w.longest, *one)
	slices.SortFunc(w.longest, func(a, b Waited) int { return cmp.Compare(b.Seconds, a.Seconds) })
	w.longest = w.longest[:min(keptWaits, len(w.longest))]
}

// most returns the longest waits that are over.
func (w *waits) most() []Waited {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.longest)
}

// long returns the waits under way that are worth telling, the longest first.
func (w *waits) long() []Waited {
	w.mu.Lock()
	defer w.mu.Unlock()
	var long []Waited
	for one := range w.open {
		now := *one
		if since := w.clock().Sub(one.since); since > longWait {
			now.Seconds = since.Seconds()
			long = append(long, now)
		}
	}
	slices.SortFunc(long, func(a, b Waited) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return long
}
