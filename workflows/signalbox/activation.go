package signalbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Activation is a handle of one Artmail activation; it holds no state. Only Artmail's first signed event starts an activation.
type Activation struct {
	client *Client
	agent  string
	id     string
}

// Activation returns the handle of an agent's activation, whether or not the activation exists.
func (c *Client) Activation(agent, activationID string) *Activation {
	return &Activation{client: c, agent: agent, id: activationID}
}

// WorkflowID returns the ID of the activation's workflow in Temporal.
func (a *Activation) WorkflowID() string { return workflows.ArtmailActivationWorkflowID(a.agent, a.id) }

// State returns the status, approvals and runs of the activation. It needs a running worker.
func (a *Activation) State(ctx context.Context) (workflows.ActivationState, error) {
	return queryState[workflows.ActivationState](ctx, a.client, a.op("read"), a.WorkflowID())
}

// RequestApprovals registers approval requests that the agent has sent to Artmail, at most workflows.MaxListed in one call. It may be
// repeated: a request that is already registered with the same content is returned as it is now.
func (a *Activation) RequestApprovals(ctx context.Context, requests ...workflows.ApprovalRequest) ([]workflows.Approval, error) {
	return sendUpdate[[]workflows.Approval](ctx, a.client, a.op("request approvals of"), a.WorkflowID(), workflows.UpdateRequestApprovals, requests)
}

// CancelApproval closes an approval that is no longer needed.
func (a *Activation) CancelApproval(ctx context.Context, cancel workflows.CancelApproval) (workflows.Approval, error) {
	return sendUpdate[workflows.Approval](ctx, a.client, a.op("cancel approval of"), a.WorkflowID(), workflows.UpdateCancelApproval, cancel)
}

// OpenRun registers a run that has begun. Its owner then gets a warning before Artmail force-fails the run.
func (a *Activation) OpenRun(ctx context.Context, open workflows.OpenRun) (workflows.Run, error) {
	return sendUpdate[workflows.Run](ctx, a.client, a.op("open run of"), a.WorkflowID(), workflows.UpdateOpenRun, open)
}

// CloseRun closes a run that has ended normally.
func (a *Activation) CloseRun(ctx context.Context, closeRun workflows.CloseRun) (workflows.Run, error) {
	return sendUpdate[workflows.Run](ctx, a.client, a.op("close run of"), a.WorkflowID(), workflows.UpdateCloseRun, closeRun)
}

// TouchRuns reports that runs were just active. It sends a signal: that is cheap and has no answer.
func (a *Activation) TouchRuns(ctx context.Context, touch workflows.TouchRuns) error {
	// The workflow can't refuse a signal.
	if err := touch.Validate(); err != nil {
		return fmt.Errorf("%s: %w: %w", a.op("touch runs of"), ErrInvalid, err)
	}
	err := a.client.temporal.SignalWorkflow(ctx, a.WorkflowID(), "", workflows.SignalTouchRuns, touch)
	return a.client.endedOrNotFound(ctx, a.op("touch runs of"), a.WorkflowID(), err)
}

// RevealAPIKey opens the activation's API key. The caller must authorize and record the request.
func (a *Activation) RevealAPIKey(ctx context.Context) (string, error) {
	state, err := a.State(ctx)
	if err != nil {
		return "", err
	}
	return a.client.openAPIKey(a.agent, a.id, state.SealedAPIKey)
}

// OpenAPIKey opens the API key in the arguments of an agent's activity "check-approval". Use the key only for the calls of that activity,
// and put it in no result, error or log. It fails with ErrNotFound if the activation has no key: the key has not arrived, or the activation
// was deactivated.
func (c *Client) OpenAPIKey(params workflows.CheckApprovalParams) (string, error) {
	return c.openAPIKey(params.Agent, params.ActivationID, params.SealedAPIKey)
}

func (a *Activation) op(verb string) string {
	return fmt.Sprintf("%s activation %s/%s", verb, a.agent, a.id)
}

func (c *Client) openAPIKey(agent, activationID string, sealed []byte) (string, error) {
	op := fmt.Sprintf("API key of activation %s/%s", agent, activationID)
	if c.keyring == nil {
		return "", fmt.Errorf("%s: %w", op, ErrNoKeyring)
	}
	if len(sealed) == 0 {
		return "", fmt.Errorf("%s: %w: it has not arrived, or the activation was deactivated", op, ErrNotFound)
	}
	key, err := c.keyring.Open(sealed, workflows.APIKeyContext(agent, activationID)...)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, errors.Join(err, errors.New("is it sealed with a keyring that this process doesn't have?")))
	}
	return string(key), nil
}
