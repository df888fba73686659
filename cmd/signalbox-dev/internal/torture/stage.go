package torture

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// stage is what the players of cases and activations share.
type stage struct {
	providers *providers
	temporal  client.Client
	apps      *signalbox.Client
	watch     *watch
	waits     *waits

	// decisions counts what a person had to decide about cases whose creation was uncertain.
	decisions atomic.Int64

	mu          sync.Mutex
	cases       []playedCase
	activations []playedActivation
	// stuck says of each player that did not come to its end what it waited for.
	stuck []string
}

const (
	// callTimeout bounds one call to Temporal, which may be dead or stopped.
	callTimeout = 5 * time.Second
	firstPause  = 100 * time.Millisecond
	mostPause   = time.Second
	// attendEvery is how often a person looks whether a case needs a decision.
	attendEvery = 2 * time.Second
)

// until tries again and again, at a slower and slower pace, until it holds. The error says what was waited for and what was in the way.
func until(ctx context.Context, what string, holds func(context.Context) (bool, error)) error {
	var last error
	for pause := firstPause; ; pause = min(pause*3/2, mostPause) {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		held, err := holds(call)
		cancel()
		if held {
			return nil
		}
		if err != nil {
			last = err
		}
		wait(ctx, pause)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, errors.Join(ctx.Err(), last))
		}
	}
}

// play has so many players at a time go through the script.
func (s *stage) play(ctx context.Context, all script, players int) {
	var parts []func() (string, error)
	for _, c := range all.cases {
		parts = append(parts, func() (string, error) { return c.reference, s.playCase(ctx, c) })
	}
	for i, a := range all.activations {
		// Cases and activations take turns.
		at := min(i*2, len(parts))
		part := func() (string, error) { return fmt.Sprintf("activation %d", i), s.playActivation(ctx, a) }
		parts = append(parts[:at], append([]func() (string, error){part}, parts[at:]...)...)
	}
	next := make(chan func() (string, error))
	var team sync.WaitGroup
	for range players {
		team.Go(func() {
			for part := range next {
				if name, err := part(); err != nil {
					s.mu.Lock()
					s.stuck = append(s.stuck, name+": "+err.Error())
					s.mu.Unlock()
				}
			}
		})
	}
	for _, part := range parts {
		next <- part
	}
	close(next)
	team.Wait()
}

// renew asks a workflow to continue as new, as an operator does. It ignores an error, since the run goes on without the signal.
func (s *stage) renew(ctx context.Context, workflowID string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_ = s.temporal.SignalWorkflow(ctx, workflowID, "", workflows.SignalForceContinueAsNew, nil)
}
