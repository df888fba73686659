package offloadcase

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// call is something under way; its zero value is nothing under way.
type call struct {
	future   workflow.Future
	cancel   workflow.CancelFunc
	givingUp bool
}

func (c *call) running() bool { return c.future != nil }

func (c *call) done() bool { return c.future != nil && c.future.IsReady() }

// giveUp asks once for the end of the call. How it ended is known when it is done.
func (c *call) giveUp() {
	if c.future != nil && !c.givingUp {
		c.givingUp = true
		c.cancel()
	}
}

// alarm is the one timer of a run; the rules say what it is for.
type alarm struct {
	call
	at time.Time
}

func (a *alarm) rang() bool { return a.done() }

// set leaves an alarm alone that rings at the right time already: each timer is two events in the history.
func (a *alarm) set(ctx workflow.Context, now, at time.Time, why string) {
	if a.running() && a.at.Equal(at) {
		return
	}
	a.giveUp()
	*a = alarm{}
	if at.IsZero() {
		return
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	future := workflow.NewTimerWithOptions(timerCtx, at.Sub(now), workflow.TimerOptions{Summary: why})
	*a = alarm{call: call{future: future, cancel: cancel}, at: at}
}
