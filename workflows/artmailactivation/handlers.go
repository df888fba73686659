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

// applyWaiting applies the signals and results that came before an update, so that the update sees them. Each update
// calls it first.
func (r *run) applyWaiting() {
	r.applySignals()
	r.applyResults()
}

func (r *run) requestApprovals(in []workflows.ApprovalRequest) ([]workflows.Approval, error) {
	r.applyWaiting()
	if err := lifecycle.CheckRequestApprovals(r.a, in); err != nil {
		return nil, err
	}
	next, approvals := lifecycle.RequestApprovals(r.a, in, r.Now())
	r.apply(next, nil)
	return approvals, nil
}

func (r *run) cancelApproval(in workflows.CancelApproval) (workflows.Approval, error) {
	r.applyWaiting()
	if err := lifecycle.CheckCancelApproval(r.a, in); err != nil {
		return workflows.Approval{}, err
	}
	next, approval := lifecycle.CancelApproval(r.a, in, r.Now())
	r.apply(next, nil)
	return approval, nil
}

func (r *run) openRun(in workflows.OpenRun) (workflows.Run, error) {
	r.applyWaiting()
	if err := lifecycle.CheckOpenRun(r.a, in); err != nil {
		return workflows.Run{}, err
	}
	next, opened := lifecycle.OpenRun(r.a, in, r.Now())
	r.apply(next, nil)
	return opened, nil
}

func (r *run) closeRun(in workflows.CloseRun) (workflows.Run, error) {
	r.applyWaiting()
	if err := lifecycle.CheckCloseRun(r.a, in); err != nil {
		return workflows.Run{}, err
	}
	next, closed := lifecycle.CloseRun(r.a, in, r.Now())
	r.apply(next, nil)
	return closed, nil
}

func (r *run) reseal(in workflows.ResealAPIKey) (workflows.APIKeyReceipt, error) {
	r.applyWaiting()
	if err := lifecycle.CheckResealAPIKey(r.a, in); err != nil {
		return workflows.APIKeyReceipt{}, err
	}
	next, receipt := lifecycle.ResealAPIKey(r.a, in)
	r.apply(next, nil)
	return receipt, nil
}

// state returns the view with the options in force, which the workflow's result leaves out.
func (r *run) state() workflows.ActivationState {
	view := lifecycle.View(r.a)
	view.Options = r.a.Start.Options
	return view
}
