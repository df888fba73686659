package signalbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
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

// StartCase starts a case. If the same request was started earlier with the same reference, it attaches to that case instead, also if the
// case has ended. It never starts a case twice. It fails with ErrConflict if the reference belongs to another request, and with
// ErrTerminated, ErrTimedOut or ErrFailed if the workflow of the earlier case ended so in Temporal.
func (c *Client) StartCase(ctx context.Context, start workflows.CaseStart) (*Case, error) {
	sent := start
	start = start.Normalized()
	if err := start.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := checkSchema(start.Request); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrInvalid, workflows.ErrInvalidStart, err)
	}
	if workflows.IsCanaryReference(start.Reference) {
		return nil, fmt.Errorf("%w: reference: %q is reserved for `signalbox doctor --canary`: choose another", ErrInvalid, start.Reference)
	}
	op := fmt.Sprintf("start case %s", start.Reference)
	hash, err := requestHash(sent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
	}
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState).ValueSet(string(startStatus(start))),
		temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount).ValueSet(start.Account),
	}
	if start.CaseID != "" {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeCaseID).ValueSet(start.CaseID))
	}
	_, err = c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.OffloadCaseWorkflowID(start.Reference),
		TaskQueue:                                workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{workflows.MemoRequestHash: hash},
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
		StaticSummary:                            "Offload case " + start.Reference,
	}, workflows.OffloadCaseWorkflow, start)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	attached := errors.As(err, &exists)
	if attached {
		err = c.sameRequest(ctx, workflows.OffloadCaseWorkflowID(start.Reference), hash)
	}
	if err != nil {
		return nil, translate(op, err)
	}
	return &Case{client: c, reference: start.Reference, attached: attached}, nil
}

// AdoptCase follows a case that already exists at Offload. If reference is empty, the caseId is the reference.
func (c *Client) AdoptCase(ctx context.Context, caseID, reference string, options workflows.CaseOptions) (*Case, error) {
	return c.StartCase(ctx, workflows.CaseStart{CaseID: caseID, Reference: reference, Options: options})
}

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
		return "", translate(c.op("read"), err)
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
	var outcome workflows.CaseOutcome
	err := c.client.result(ctx, c.op("wait for"), c.WorkflowID(), &outcome)
	return outcome, err
}

// Files waits until the files of the case are stored or given up, and returns where each is. It fails with ErrNoFiles if no workflow
// stores files of the case; so Wait for the case first.
func (c *Case) Files(ctx context.Context) (workflows.CaseFiles, error) {
	var files workflows.CaseFiles
	op := c.op("wait for the files of")
	err := c.client.result(ctx, op, workflows.OffloadFilesWorkflowID(c.reference), &files)
	if errors.Is(err, ErrNotFound) {
		return files, fmt.Errorf("%w: %w", ErrNoFiles, err)
	}
	return files, err
}

// FilesNow returns where the files of the case are now, without waiting for files that are not stored yet. It fails with ErrNoFiles if no
// workflow stores files of the case. It needs a running worker.
func (c *Case) FilesNow(ctx context.Context) (workflows.CaseFiles, error) {
	var files workflows.CaseFiles
	err := c.client.state(ctx, c.op("read the files of"), workflows.OffloadFilesWorkflowID(c.reference), &files)
	var never *serviceerror.NotFound
	if errors.As(err, &never) {
		return files, fmt.Errorf("%s: %w: %w", c.op("read the files of"), ErrNoFiles, never)
	}
	return files, err
}

// State returns the state of the case. It needs a running worker, also for a case that has ended.
func (c *Case) State(ctx context.Context) (workflows.CaseState, error) {
	var state workflows.CaseState
	err := c.client.state(ctx, c.op("read"), c.WorkflowID(), &state)
	return state, err
}

// ProvideInput answers the open question. It returns when the workflow has accepted the answer, before Offload has it.
func (c *Case) ProvideInput(ctx context.Context, input workflows.ProvideInput) (workflows.InputReceipt, error) {
	var receipt workflows.InputReceipt
	err := c.client.update(ctx, c.op("answer"), c.WorkflowID(), workflows.UpdateProvideInput, &receipt, input)
	return receipt, err
}

// Adopt binds a case at Offload to the reference, after an uncertain creation.
func (c *Case) Adopt(ctx context.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	err := c.client.update(ctx, c.op("adopt"), c.WorkflowID(), workflows.UpdateAdoptCase, &receipt, adopt)
	return receipt, err
}

// RetryCreate creates the case again, after an uncertain or refused creation. If the first creation did succeed, two cases then exist at
// Offload.
func (c *Case) RetryCreate(ctx context.Context, retry workflows.RetryCreate) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	if err := checkSchema(retry.Request); err != nil {
		return receipt, fmt.Errorf("%s: %w: %w", c.op("create again"), ErrInvalid, err)
	}
	err := c.client.update(ctx, c.op("create again"), c.WorkflowID(), workflows.UpdateRetryCreate, &receipt, retry)
	return receipt, err
}

// Cancel ends the case in Signalbox. Offload has no cancel: the case goes on there, and the outcome says so.
func (c *Case) Cancel(ctx context.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	err := c.client.update(ctx, c.op("cancel"), c.WorkflowID(), workflows.UpdateCancel, &receipt, cancel)
	return receipt, err
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

func startStatus(start workflows.CaseStart) workflows.CaseStatus {
	if start.CaseID != "" {
		return workflows.CaseRunning
	}
	return workflows.CaseCreating
}

// sameRequest compares the hash of the request with the hash in the memo of the earlier case. It reads the memo with the client's own
// data converter, because a payload codec changes its bytes.
func (c *Client) sameRequest(ctx context.Context, workflowID, hash string) error {
	description, err := c.temporal.DescribeWorkflow(ctx, workflowID, "")
	if err != nil {
		return err
	}
	var earlier string
	if err := description.GetMemoValue(workflows.MemoRequestHash, &earlier); err != nil {
		err = fmt.Errorf("%s exists, and its request can't be compared: read memo %s: %w", workflowID, workflows.MemoRequestHash, err)
		if description.Memo.GetFields()[workflows.MemoRequestHash] == nil {
			err = fmt.Errorf("%w: %w", ErrConflict, err)
		}
		return err // a memo that this client can't decrypt says nothing about the request
	}
	if earlier != hash {
		return fmt.Errorf("%w: %s was started with another request", ErrConflict, workflowID)
	}
	return broken(workflowID, description.Status)
}

// requestHash returns the hash of a start as the app sent it. It leaves defaults out: a later change of a default must not change the
// hash. It leaves the reference out too, as the workflow ID holds it. JSON encoding sorts maps and compacts raw values.
func requestHash(sent workflows.CaseStart) (string, error) {
	sent.Reference = ""
	canonical, err := json.Marshal(sent)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
