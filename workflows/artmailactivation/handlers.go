package artmailactivation

import (
	"errors"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// registerHandlers registers the query and the updates before the run first yields; a handler that is registered later could miss an early update.
// Handlers change the activation and return; the loop does the work.
func (r *run) registerHandlers() error {
	return errors.Join(
		entity.HandleState(r.Run, "Where the activation stands, what it waits for, its approvals and runs", r.state),
		entity.HandleUpdate(r.Run, workflows.UpdateRequestApprovals, "Register messages that the agent sent to Artmail",
			func(in []workflows.ApprovalRequest) error { return lifecycle.CheckRequestApprovals(r.a, in) }, r.requestApprovals),
		entity.HandleUpdate(r.Run, workflows.UpdateCancelApproval, "Close an approval that is no longer needed",
			func(in workflows.CancelApproval) error { return lifecycle.CheckCancelApproval(r.a, in) }, r.cancelApproval),
		entity.HandleUpdate(r.Run, workflows.UpdateOpenRun, "Register a run that has begun",
			func(in workflows.OpenRun) error { return lifecycle.CheckOpenRun(r.a, in) }, r.openRun),
		entity.HandleUpdate(r.Run, workflows.UpdateCloseRun, "Close a run that has ended normally",
			func(in workflows.CloseRun) error { return lifecycle.CheckCloseRun(r.a, in) }, r.closeRun),
		entity.HandleUpdate(r.Run, workflows.UpdateResealAPIKey, "Replace the sealed API key by the same key, sealed again",
			func(in workflows.ResealAPIKey) error { return lifecycle.CheckResealAPIKey(r.a, in) }, r.reseal),
	)
}

// applyWaiting is entity.Run's ApplyWaiting.
func (r *run) applyWaiting() {
	r.applySignals()
	r.applyResults()
}

func (r *run) requestApprovals(in []workflows.ApprovalRequest) []workflows.Approval {
	next, approvals := lifecycle.RequestApprovals(r.a, in, r.Now())
	r.apply(next, nil)
	return approvals
}

func (r *run) cancelApproval(in workflows.CancelApproval) workflows.Approval {
	next, approval := lifecycle.CancelApproval(r.a, in, r.Now())
	r.apply(next, nil)
	return approval
}

func (r *run) openRun(in workflows.OpenRun) workflows.Run {
	next, opened := lifecycle.OpenRun(r.a, in, r.Now())
	r.apply(next, nil)
	return opened
}

func (r *run) closeRun(in workflows.CloseRun) workflows.Run {
	next, closed := lifecycle.CloseRun(r.a, in, r.Now())
	r.apply(next, nil)
	return closed
}

func (r *run) reseal(in workflows.ResealAPIKey) workflows.APIKeyReceipt {
	next, receipt := lifecycle.ResealAPIKey(r.a, in)
	r.apply(next, nil)
	return receipt
}

// state returns the view with the options in force, which the workflow's result leaves out.
func (r *run) state() workflows.ActivationState {
	view := lifecycle.View(r.a)
	view.Options = r.a.Start.Options
	return view
}
