package signalbox

import (
	"context"
	"errors"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Names of the activities that workflows of a business app call, since a workflow can't send updates. They run on the app's worker. Each
// may be repeated: a repeated call returns what the first one did.
const (
	ActivityStartCase    = "signalbox.start-case"    // workflows.CaseStart → StartedCase
	ActivityProvideInput = "signalbox.provide-input" // ProvideCaseInput → workflows.InputReceipt
	ActivityCancelCase   = "signalbox.cancel-case"   // CancelCaseOf → workflows.CaseReceipt

	ActivityRequestApprovals = "signalbox.request-approvals" // RequestApprovals → []workflows.Approval
	ActivityCancelApproval   = "signalbox.cancel-approval"   // CancelApprovalOf → workflows.Approval
	ActivityOpenRun          = "signalbox.open-run"          // OpenRunOf → workflows.Run
	ActivityTouchRuns        = "signalbox.touch-runs"        // TouchRunsOf → nothing
	ActivityCloseRun         = "signalbox.close-run"         // CloseRunOf → workflows.Run
)

// StartedCase is the result of the activity "signalbox.start-case".
type StartedCase struct {
	Reference  string `json:"reference"`
	WorkflowID string `json:"workflowId"`
}

// ProvideCaseInput is the argument of the activity "signalbox.provide-input".
type ProvideCaseInput struct {
	Reference string                 `json:"reference"`
	Input     workflows.ProvideInput `json:"input"`
}

// CancelCaseOf is the argument of the activity "signalbox.cancel-case".
type CancelCaseOf struct {
	Reference string               `json:"reference"`
	Cancel    workflows.CancelCase `json:"cancel"`
}

// ActivationRef identifies an activation.
type ActivationRef struct {
	Agent        string `json:"agent"`
	ActivationID string `json:"activationId"`
}

// RequestApprovals is the argument of the activity "signalbox.request-approvals".
type RequestApprovals struct {
	ActivationRef
	Requests []workflows.ApprovalRequest `json:"requests"`
}

// CancelApprovalOf is the argument of the activity "signalbox.cancel-approval".
type CancelApprovalOf struct {
	ActivationRef
	Cancel workflows.CancelApproval `json:"cancel"`
}

// OpenRunOf is the argument of the activity "signalbox.open-run".
type OpenRunOf struct {
	ActivationRef
	Open workflows.OpenRun `json:"open"`
}

// TouchRunsOf is the argument of the activity "signalbox.touch-runs".
type TouchRunsOf struct {
	ActivationRef
	Touch workflows.TouchRuns `json:"touch"`
}

// CloseRunOf is the argument of the activity "signalbox.close-run".
type CloseRunOf struct {
	ActivationRef
	Close workflows.CloseRun `json:"close"`
}

// Activities are the client's calls as activities. A refused call fails at once, with a type that Failure translates back. A call that
// fails because Temporal or its workers are unavailable is retried after the caller's retry policy.
type Activities struct{ client *Client }

// NewActivities makes activities that use the client.
func NewActivities(c *Client) *Activities { return &Activities{client: c} }

// Register registers the activities under their names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	for name, call := range map[string]any{
		ActivityStartCase:        a.StartCase,
		ActivityProvideInput:     a.ProvideInput,
		ActivityCancelCase:       a.CancelCase,
		ActivityRequestApprovals: a.RequestApprovals,
		ActivityCancelApproval:   a.CancelApproval,
		ActivityOpenRun:          a.OpenRun,
		ActivityTouchRuns:        a.TouchRuns,
		ActivityCloseRun:         a.CloseRun,
	} {
		registry.RegisterActivityWithOptions(call, activity.RegisterOptions{Name: name})
	}
}

// StartCase is the activity "signalbox.start-case": see Client.StartCase.
func (a *Activities) StartCase(ctx context.Context, start workflows.CaseStart) (StartedCase, error) {
	one, err := a.client.StartCase(ctx, start)
	if err != nil {
		return StartedCase{}, failure(err)
	}
	return StartedCase{Reference: one.Reference(), WorkflowID: one.WorkflowID()}, nil
}

// ProvideInput is the activity "signalbox.provide-input": see Case.ProvideInput.
func (a *Activities) ProvideInput(ctx context.Context, in ProvideCaseInput) (workflows.InputReceipt, error) {
	one := a.client.Case(in.Reference)
	receipt, err := one.ProvideInput(ctx, in.Input)
	// The receipt of an earlier attempt may have been lost, and the case may have moved on since.
	if err != nil && !errors.Is(err, ErrInvalid) && activity.GetInfo(ctx).Attempt > 1 {
		state, stateErr := one.State(ctx)
		if isTransient(stateErr) {
			return receipt, failure(stateErr) // the next attempt may find out
		}
		if given, ok := earlierAnswer(state, in.Input); ok {
			return given, nil
		}
	}
	return receipt, failure(err)
}

// earlierAnswer looks for this answer among the answers that the case already has.
func earlierAnswer(state workflows.CaseState, input workflows.ProvideInput) (workflows.InputReceipt, bool) {
	for _, answer := range state.Answers {
		if answer.QuestionID == input.QuestionID && answer.By == input.By && strings.TrimSpace(answer.Text) == strings.TrimSpace(input.Text) {
			return workflows.InputReceipt{QuestionID: answer.QuestionID, GivenAt: answer.GivenAt}, true
		}
	}
	return workflows.InputReceipt{}, false
}

// CancelCase is the activity "signalbox.cancel-case": see Case.Cancel. A case that has ended already is ErrEnded, unless an earlier
// attempt has ended it.
func (a *Activities) CancelCase(ctx context.Context, in CancelCaseOf) (workflows.CaseReceipt, error) {
	one := a.client.Case(in.Reference)
	receipt, err := one.Cancel(ctx, in.Cancel)
	if errors.Is(err, ErrEnded) && activity.GetInfo(ctx).Attempt > 1 {
		state, stateErr := one.State(ctx)
		if isTransient(stateErr) {
			return receipt, failure(stateErr) // the next attempt may find out
		}
		if state.Status == workflows.CaseCancelled {
			return workflows.CaseReceipt{Status: state.Status}, nil
		}
	}
	return receipt, failure(err)
}

// RequestApprovals is the activity "signalbox.request-approvals": see Activation.RequestApprovals.
func (a *Activities) RequestApprovals(ctx context.Context, in RequestApprovals) ([]workflows.Approval, error) {
	approvals, err := a.activation(in.ActivationRef).RequestApprovals(ctx, in.Requests...)
	return approvals, failure(err)
}

// CancelApproval is the activity "signalbox.cancel-approval": see Activation.CancelApproval.
func (a *Activities) CancelApproval(ctx context.Context, in CancelApprovalOf) (workflows.Approval, error) {
	approval, err := a.activation(in.ActivationRef).CancelApproval(ctx, in.Cancel)
	return approval, failure(err)
}

// OpenRun is the activity "signalbox.open-run": see Activation.OpenRun.
func (a *Activities) OpenRun(ctx context.Context, in OpenRunOf) (workflows.Run, error) {
	run, err := a.activation(in.ActivationRef).OpenRun(ctx, in.Open)
	return run, failure(err)
}

// TouchRuns is the activity "signalbox.touch-runs": see Activation.TouchRuns.
func (a *Activities) TouchRuns(ctx context.Context, in TouchRunsOf) error {
	return failure(a.activation(in.ActivationRef).TouchRuns(ctx, in.Touch))
}

// CloseRun is the activity "signalbox.close-run": see Activation.CloseRun.
func (a *Activities) CloseRun(ctx context.Context, in CloseRunOf) (workflows.Run, error) {
	run, err := a.activation(in.ActivationRef).CloseRun(ctx, in.Close)
	return run, failure(err)
}

func (a *Activities) activation(of ActivationRef) *Activation {
	return a.client.Activation(of.Agent, of.ActivationID)
}
