package signalbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
)

// Case is a handle of one case; it holds no state of the case.
type Case struct {
	client    *Client
	reference string
	attached  bool
}

// Case returns the handle of the case with the business app's reference, whether or not the case exists.
func (c *Client) Case(reference string) *Case { return &Case{client: c, reference: reference} }

// Reference returns the business app's ID of the case.
func (c *Case) Reference() string { return c.reference }

// Attached reports whether StartCase attached to a case that an earlier call had started.
func (c *Case) Attached() bool { return c.attached }

// WorkflowID returns the ID of the case's workflow in Temporal.
func (c *Case) WorkflowID() string { return workflows.OffloadCaseWorkflowID(c.reference) }

// Account returns the Offload account of the case. It needs a running worker only for a case that another kind of client has just
// started.
func (c *Case) Account(ctx context.Context) (string, error) {
	description, err := c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), "")
	if err != nil {
		return "", translate(ctx, c.op("read"), missing(c.WorkflowID(), err))
	}
	account, published := description.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount))
	if published {
		return account, nil
	}
	state, err := c.State(ctx)
	return state.Account, err
}

// Wait waits until the case has ended and returns the outcome. That may take weeks: it waits until ctx ends, and keeps trying while
// Temporal is unavailable. It needs no worker and costs Temporal one call every 20 seconds.
func (c *Case) Wait(ctx context.Context) (workflows.CaseOutcome, error) {
	return awaitResult[workflows.CaseOutcome](ctx, c.client, c.op("wait for"), c.WorkflowID())
}

// Files waits until the files of the case are stored or given up, and returns where each is. It fails with ErrNoFiles if no workflow
// stores files of the case; so Wait for the case first. It fails with ErrNotFound if the case does not exist, and with ErrTerminated,
// ErrTimedOut or ErrFailed if the case closed so.
func (c *Case) Files(ctx context.Context) (workflows.CaseFiles, error) {
	op := c.op("wait for the files of")
	files, err := awaitResult[workflows.CaseFiles](ctx, c.client, op, workflows.OffloadFilesWorkflowID(c.reference))
	return files, c.orNoFiles(ctx, op, err)
}

// FilesNow returns where the files of the case are now, without waiting for files that are not stored yet. It fails with ErrNoFiles if no
// workflow stores files of the case, and as Files for a case that does not exist or closed without a result. It needs a running worker.
func (c *Case) FilesNow(ctx context.Context) (workflows.CaseFiles, error) {
	op := c.op("read the files of")
	files, err := queryState[workflows.CaseFiles](ctx, c.client, op, workflows.OffloadFilesWorkflowID(c.reference))
	return files, c.orNoFiles(ctx, op, err)
}

// orNoFiles returns ErrNoFiles if the workflow `offload-files` does not exist, unless the case itself does not exist or has closed without a
// result: waiting for its end would be in vain.
func (c *Case) orNoFiles(ctx context.Context, op string, err error) error {
	never, ok := errors.AsType[*serviceerror.NotFound](err)
	if !ok {
		return err
	}
	description, err := c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), "")
	if err != nil {
		return translate(ctx, op, missing(c.WorkflowID(), err))
	}
	return fmt.Errorf("%s: %w: %w", op, cmp.Or(broken(c.WorkflowID(), description.Status), ErrNoFiles), never)
}

// State returns the state of the case. It needs a running worker, also for a case that has ended.
func (c *Case) State(ctx context.Context) (workflows.CaseState, error) {
	return queryState[workflows.CaseState](ctx, c.client, c.op("read"), c.WorkflowID())
}

// ProvideInput answers the open question. It returns when the workflow has accepted the answer, before Offload has it.
func (c *Case) ProvideInput(ctx context.Context, input workflows.ProvideInput) (workflows.InputReceipt, error) {
	return sendUpdate[workflows.InputReceipt](ctx, c.client, c.op("answer"), c.WorkflowID(), workflows.UpdateProvideInput, input)
}

// Adopt binds a case at Offload to the reference, after an uncertain creation.
func (c *Case) Adopt(ctx context.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error) {
	return sendUpdate[workflows.CaseReceipt](ctx, c.client, c.op("adopt"), c.WorkflowID(), workflows.UpdateAdoptCase, adopt)
}

// RetryCreate creates the case again, after an uncertain or refused creation. If the first creation did succeed, two cases then exist at
// Offload. An empty RunID becomes that of the newest run; with another one, a run that was reset creates nothing.
func (c *Case) RetryCreate(ctx context.Context, retry workflows.RetryCreate) (workflows.CaseReceipt, error) {
	if err := checkSchema(retry.Request); err != nil {
		return workflows.CaseReceipt{}, fmt.Errorf("%s: %w: %w", c.op("create again"), ErrInvalid, err)
	}
	if retry.RunID == "" {
		description, err := c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), "")
		if err != nil {
			return workflows.CaseReceipt{}, translate(ctx, c.op("create again"), missing(c.WorkflowID(), err))
		}
		retry.RunID = description.WorkflowExecution.RunID
	}
	return sendUpdate[workflows.CaseReceipt](ctx, c.client, c.op("create again"), c.WorkflowID(), workflows.UpdateRetryCreate, retry)
}

// Cancel ends the case in Signalbox. Offload has no cancel: the case goes on there, and the outcome says so.
func (c *Case) Cancel(ctx context.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error) {
	return sendUpdate[workflows.CaseReceipt](ctx, c.client, c.op("cancel"), c.WorkflowID(), workflows.UpdateCancel, cancel)
}

// checkSchema refuses an unusable resultSchema. The workflow itself does not: a case that another client started with one goes on, and
// its outcome says that the schema is unusable.
func checkSchema(request *workflows.CaseRequest) error {
	if request == nil || len(request.ResultSchema) == 0 {
		return nil
	}
	if err := resultschema.Validate(request.ResultSchema); err != nil {
		return fmt.Errorf("request.resultSchema: %w", err)
	}
	return nil
}

// ReconcileNow makes the workflow read the case at Offload now instead of at the next planned time. It sends a signal and returns when
// Temporal has it. The account's rate limit paces the read; until it is done, State shows it as Check. A case without a caseId is not
// read.
func (c *Case) ReconcileNow(ctx context.Context, by string) error {
	// The workflow can't refuse a signal.
	now := workflows.ReconcileNow{By: by}
	if err := now.Validate(); err != nil {
		return fmt.Errorf("%s: %w: %w", c.op("check"), ErrInvalid, err)
	}
	err := c.client.temporal.SignalWorkflow(ctx, c.WorkflowID(), "", workflows.SignalReconcileNow, now)
	return c.client.endedOrNotFound(ctx, c.op("check"), c.WorkflowID(), err)
}

func (c *Case) op(verb string) string { return fmt.Sprintf("%s case %s", verb, c.reference) }
