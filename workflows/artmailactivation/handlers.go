package artmailactivation

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// handle opens the signal channels and registers the query and the updates.
func (r *run) handle() error {
	r.events = workflow.GetSignalChannel(r.Ctx, workflows.SignalArtmailEvents)
	r.touches = workflow.GetSignalChannel(r.Ctx, workflows.SignalTouchRuns)
	r.options = workflow.GetSignalChannel(r.Ctx, workflows.SignalActivationOptions)

	return errors.Join(
		entity.HandleState(r.Run, "where the activation stands", r.state),
		entity.HandleUpdate(r.Run, workflows.UpdateRequestApprovals, "register messages that the agent sent to Artmail",
			r.checkRequestApprovals, r.requestApprovals),
		entity.HandleUpdate(r.Run, workflows.UpdateCancelApproval, "close an approval that is not needed any more",
			r.checkCancelApproval, r.cancelApproval),
		entity.HandleUpdate(r.Run, workflows.UpdateOpenRun, "a run has begun", r.checkOpenRun, r.openRun),
		entity.HandleUpdate(r.Run, workflows.UpdateCloseRun, "a run has ended by itself", r.checkCloseRun, r.closeRun),
		entity.HandleUpdate(r.Run, workflows.UpdateResealAPIKey, "the same API key, sealed by a newer key of the keyring",
			r.checkReseal, r.reseal),
	)
}

// state is the view with the options in force. The workflow's result leaves them out.
func (r *run) state() workflows.ActivationState {
	view := lifecycle.View(r.activation)
	view.Options = r.activation.Start.Options
	return view
}

// Each update takes in the signals that came before it, and checks again: it must not be answered from a state older than itself.

func (r *run) checkRequestApprovals(requests []workflows.ApprovalRequest) error {
	return lifecycle.CheckRequestApprovals(r.activation, requests)
}

func (r *run) requestApprovals(requests []workflows.ApprovalRequest) (approvals []workflows.Approval, err error) {
	r.receive()
	if err := r.checkRequestApprovals(requests); err != nil {
		return nil, err
	}
	r.activation, approvals = lifecycle.RequestApprovals(r.activation, requests, r.Now())
	return approvals, nil
}

func (r *run) checkCancelApproval(c workflows.CancelApproval) error {
	return lifecycle.CheckCancelApproval(r.activation, c)
}

func (r *run) cancelApproval(c workflows.CancelApproval) (approval workflows.Approval, err error) {
	r.receive()
	if err := r.checkCancelApproval(c); err != nil {
		return workflows.Approval{}, err
	}
	r.activation, approval = lifecycle.CancelApproval(r.activation, c, r.Now())
	return approval, nil
}

func (r *run) checkOpenRun(o workflows.OpenRun) error {
	return lifecycle.CheckOpenRun(r.activation, o)
}

func (r *run) openRun(o workflows.OpenRun) (opened workflows.Run, err error) {
	r.receive()
	if err := r.checkOpenRun(o); err != nil {
		return workflows.Run{}, err
	}
	r.activation, opened = lifecycle.OpenRun(r.activation, o, r.Now())
	return opened, nil
}

func (r *run) checkCloseRun(c workflows.CloseRun) error {
	return lifecycle.CheckCloseRun(r.activation, c)
}

func (r *run) closeRun(c workflows.CloseRun) (closed workflows.Run, err error) {
	r.receive()
	if err := r.checkCloseRun(c); err != nil {
		return workflows.Run{}, err
	}
	r.activation, closed = lifecycle.CloseRun(r.activation, c, r.Now())
	return closed, nil
}

func (r *run) checkReseal(reseal workflows.ResealAPIKey) error {
	return lifecycle.CheckReseal(r.activation, reseal)
}

func (r *run) reseal(reseal workflows.ResealAPIKey) (receipt workflows.APIKeyReceipt, err error) {
	r.receive()
	if err := r.checkReseal(reseal); err != nil {
		return workflows.APIKeyReceipt{}, err
	}
	r.activation, receipt = lifecycle.Reseal(r.activation, reseal)
	return receipt, nil
}
