package entity

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Timer is the one timer of a run; its zero value is none. Run.Turn clears it when it has fired: a condition that stays true would spin.
type Timer struct {
	future workflow.Future
	cancel workflow.CancelFunc
	at     time.Time
}

// Fired says whether the time has come.
func (t *Timer) Fired() bool { return t.future != nil && t.future.IsReady() }

// Set makes the loop wake at a time; zero is never. A timer that fires sooner stays: due times often move ahead, and a new timer for each
// move costs two events. It then wakes the loop once for nothing.
func (t *Timer) Set(ctx workflow.Context, now, at time.Time, why string) {
	if at.IsZero() || t.future != nil && !t.at.After(at) {
		return
	}
	if t.cancel != nil {
		t.cancel()
	}
	each, cancel := workflow.WithCancel(ctx)
	*t = Timer{
		future: workflow.NewTimerWithOptions(each, at.Sub(now), workflow.TimerOptions{Summary: why}),
		cancel: cancel, at: at,
	}
}
