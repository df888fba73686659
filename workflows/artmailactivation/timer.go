package artmailactivation

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// timer is the one timer of the run.
type timer struct {
	at     time.Time
	cancel workflow.CancelFunc
	future workflow.Future
}

func (t timer) fired() bool { return t.future != nil && t.future.IsReady() }

// setTimer sees that the loop wakes at the nearest moment that matters. A timer that fires sooner is left as it is: each touch of a run
// moves that moment forward, and a timer anew for each would cost two events every time. It then finds nothing to do, once.
func (a *activation) setTimer(ctx workflow.Context) {
	if a.timer.fired() {
		a.timer = timer{}
	}
	now := workflow.Now(ctx)
	next, found := a.state.NextWake(now)
	if !found || a.timer.future != nil && !a.timer.at.After(next) {
		return
	}
	if a.timer.cancel != nil {
		a.timer.cancel()
	}
	each, cancel := workflow.WithCancel(ctx)
	a.timer = timer{
		at:     next,
		cancel: cancel,
		future: workflow.NewTimerWithOptions(each, next.Sub(now), workflow.TimerOptions{Summary: "nearest deadline"}),
	}
}
