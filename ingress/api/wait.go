package api

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// waitTime is the value of the parameter wait, which was validated before; 0 where it is left out.
func waitTime(wait string) time.Duration {
	duration, err := time.ParseDuration(wait)
	if err != nil {
		return 0
	}
	return duration
}

// waitForNews returns the state when the case has ended or asks something, at the latest after the time, or when the process stops.
func (s *Server) waitForNews(ctx context.Context, one *signalbox.Case, wait time.Duration) (workflows.CaseState, error) {
	state, err := one.State(ctx)
	if err != nil || wait == 0 {
		return state, err
	}
	select {
	case s.waiting <- struct{}{}:
		defer s.waiting.free()
	default:
		return state, fmt.Errorf("%w: %d calls wait already: ask without wait", signalbox.ErrUnavailable, waitingAtOnce)
	}
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	go func() {
		select {
		case <-s.stopping:
			stop()
		case <-waiting.Done():
		}
	}()
	for err == nil && waiting.Err() == nil && !state.Status.Ended() && state.Status != workflows.CaseInputNeeded {
		// The wait time is over: answer with the last state.
		var last workflows.CaseState
		last, err = one.WaitForChange(waiting, wait, &state)
		switch {
		case err == nil:
			state = last
		case waiting.Err() != nil && ctx.Err() == nil:
			return state, nil
		}
	}
	return state, err
}
