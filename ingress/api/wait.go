package api

import (
	"context"
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

// The first pause between two reads of a waiting call, and the longest.
const firstRead, slowestRead = 250 * time.Millisecond, 2 * time.Second

// waitForNews returns the state when the case has ended or asks something, at the latest after the time.
func (s *Server) waitForNews(ctx context.Context, one *signalbox.Case, wait time.Duration) (workflows.CaseState, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for pause := firstRead; ; pause = min(2*pause, slowestRead) {
		state, err := one.State(ctx)
		if err != nil || wait == 0 || state.Status.Ended() || state.Status == workflows.CaseInputNeeded {
			return state, err
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
			continue
		case <-end.C:
		case <-s.stopping:
		case <-ctx.Done():
		}
		next.Stop()
		return state, ctx.Err()
	}
}
