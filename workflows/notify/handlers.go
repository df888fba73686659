package notify

import (
	"errors"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// registerHandlers registers the query and the updates before the run first yields.
func (r *run) registerHandlers() error {
	return errors.Join(
		entity.HandleState(r.Run, "Which notices are waiting, delivered or given up", func() workflows.NotifyState { return lifecycle.View(r.state) }),
		entity.HandleUpdate(r.Run, workflows.UpdateResend, "Try again to deliver notices that were given up",
			func(in workflows.SelectNotices) error { return lifecycle.CheckResend(r.state, in) }, r.resend),
		entity.HandleUpdate(r.Run, workflows.UpdateDismiss, "End notices that were given up",
			func(in workflows.SelectNotices) error { return lifecycle.CheckDismiss(r.state, in) }, r.dismiss),
	)
}

// applyWaiting is entity.Run's ApplyWaiting.
func (r *run) applyWaiting() {
	r.applySignals()
	r.applyResults()
}

func (r *run) resend(in workflows.SelectNotices) workflows.NoticesSelected {
	next, selected, _ := lifecycle.Resend(r.state, in, r.Now()) // CheckResend has passed
	r.apply(next)
	return selected
}

func (r *run) dismiss(in workflows.SelectNotices) workflows.NoticesSelected {
	next, selected, _ := lifecycle.Dismiss(r.state, in, r.Now()) // CheckDismiss has passed
	r.apply(next)
	return selected
}
