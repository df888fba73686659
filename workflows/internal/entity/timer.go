package entity

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Timer is the one timer of a run; the zero value is none. Run.Turn clears a timer that has fired, because a true condition would make
// the loop spin.
type Timer struct {
	future workflow.Future
	cancel workflow.CancelFunc
	at     time.Time
}

// Fired reports whether the timer has fired.
func (t *Timer) Fired() bool { return t.future != nil && t.future.IsReady() }

// Set makes the loop wake at a time; zero means never. An earlier timer stays, and wakes the loop once without work: due times often move
// later, and a new timer for each move would cost two events.
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
