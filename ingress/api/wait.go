package api

import (
	"context"
	"errors"
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

// readAgain is the pause before a state is read again that could not be read.
const readAgain = 200 * time.Millisecond

// waitForNews returns the state when the case has ended or asks something, at the latest after the time, or when the process stops. A
// state that can't be read, because a worker stops or Temporal is busy, is read again meanwhile.
func (s *Server) waitForNews(ctx context.Context, one *signalbox.Case, wait time.Duration) (workflows.CaseState, error) {
	state, err := one.State(ctx)
	if wait == 0 || err != nil && !errors.Is(err, signalbox.ErrUnavailable) {
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
	again := time.NewTicker(readAgain)
	defer again.Stop()
	for errors.Is(err, signalbox.ErrUnavailable) {
		select {
		case <-waiting.Done():
			return state, err
		case <-again.C:
		}
		last, problem := one.State(waiting)
		if problem == nil || waiting.Err() == nil {
			state, err = last, problem
		}
	}
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
