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

// applyWaiting applies the notices and results that came before an update, so that the update sees them. Each update
// calls it first.
func (r *run) applyWaiting() {
	r.applySignals()
	r.applyResults()
}

func (r *run) resend(in workflows.SelectNotices) (workflows.NoticesSelected, error) {
	r.applyWaiting()
	next, selected, err := lifecycle.Resend(r.state, in, r.Now())
	r.apply(next)
	return selected, err
}

func (r *run) dismiss(in workflows.SelectNotices) (workflows.NoticesSelected, error) {
	r.applyWaiting()
	next, selected, err := lifecycle.Dismiss(r.state, in, r.Now())
	r.apply(next)
	return selected, err
}
