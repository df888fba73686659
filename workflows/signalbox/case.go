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

// Case is a handle of one case; it holds no state of its own.
type Case struct {
	client    *Client
	reference string
	attached  bool
}

// Case is the handle of the case that the business app calls reference, whether or not it exists.
func (c *Client) Case(reference string) *Case { return &Case{client: c, reference: reference} }

// StartCase starts a case, or attaches to the one that was started with the same reference and the same request. The same reference
// with another request is ErrConflict. A case that has ended is attached to as well and never started again; one whose workflow was
// terminated, timed out or failed is ErrTerminated, ErrTimedOut or ErrFailed.
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
		return nil, fmt.Errorf("%w: reference: %q is kept for `signalbox doctor --canary`: choose another", ErrInvalid, start.Reference)
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

// AdoptCase follows a case that exists at Offload already. An empty reference means the caseId.
func (c *Client) AdoptCase(ctx context.Context, caseID, reference string, options workflows.CaseOptions) (*Case, error) {
	return c.StartCase(ctx, workflows.CaseStart{CaseID: caseID, Reference: reference, Options: options})
}

// Reference is the business app's own ID for the case.
func (c *Case) Reference() string { return c.reference }

// Attached says, of a case that StartCase returned, whether an earlier call had started it.
func (c *Case) Attached() bool { return c.attached }

// WorkflowID is where the case is found in Temporal.
func (c *Case) WorkflowID() string { return workflows.OffloadCaseWorkflowID(c.reference) }

// Wait returns the outcome when the case has ended, which may take weeks: it waits as long as ctx lets it, also while Temporal is away. It
// needs no worker, and costs Temporal a call every 20 seconds.
func (c *Case) Wait(ctx context.Context) (workflows.CaseOutcome, error) {
	var outcome workflows.CaseOutcome
	err := c.client.result(ctx, c.op("wait for"), c.WorkflowID(), &outcome)
	return outcome, err
}

// Files waits until the files of the case are stored, which may take as long as downloads are retried, and returns where each is. It fails
// with ErrNoFiles where nothing stores any: Wait for the case first.
func (c *Case) Files(ctx context.Context) (workflows.CaseFiles, error) {
	var files workflows.CaseFiles
	op := c.op("wait for the files of")
	err := c.client.result(ctx, op, workflows.OffloadFilesWorkflowID(c.reference), &files)
	if errors.Is(err, ErrNotFound) {
		return files, fmt.Errorf("%w: %w", ErrNoFiles, err)
	}
	return files, err
}

// State says where the case stands. It needs a running worker, also for a case that has ended.
func (c *Case) State(ctx context.Context) (workflows.CaseState, error) {
	var state workflows.CaseState
	err := c.client.state(ctx, c.op("read"), c.WorkflowID(), &state)
	return state, err
}

// ProvideInput answers the open question. It returns when the answer is taken, before Offload has it.
func (c *Case) ProvideInput(ctx context.Context, input workflows.ProvideInput) (workflows.InputReceipt, error) {
	var receipt workflows.InputReceipt
	err := c.client.update(ctx, c.op("answer"), c.WorkflowID(), workflows.UpdateProvideInput, &receipt, input)
	return receipt, err
}

// Adopt says which case at Offload belongs to the reference, where its creation was uncertain.
func (c *Case) Adopt(ctx context.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	err := c.client.update(ctx, c.op("adopt"), c.WorkflowID(), workflows.UpdateAdoptCase, &receipt, adopt)
	return receipt, err
}

// RetryCreate creates the case again, where its creation was uncertain or refused. A case that exists all the same then exists twice.
func (c *Case) RetryCreate(ctx context.Context, retry workflows.RetryCreate) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	if err := checkSchema(retry.Request); err != nil {
		return receipt, fmt.Errorf("%s: %w: %w", c.op("create again"), ErrInvalid, err)
	}
	err := c.client.update(ctx, c.op("create again"), c.WorkflowID(), workflows.UpdateRetryCreate, &receipt, retry)
	return receipt, err
}

// Cancel ends the case here. Offload has no cancel: the case there goes on, and the outcome says so.
func (c *Case) Cancel(ctx context.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error) {
	var receipt workflows.CaseReceipt
	err := c.client.update(ctx, c.op("cancel"), c.WorkflowID(), workflows.UpdateCancel, &receipt, cancel)
	return receipt, err
}

// checkSchema refuses a resultSchema that no result could be checked against. The workflow doesn't: the case of another client goes on, and its
// outcome says so.
func checkSchema(request *workflows.CaseRequest) error {
	if request == nil || len(request.ResultSchema) == 0 {
		return nil
	}
	if err := resultschema.Validate(request.ResultSchema); err != nil {
		return fmt.Errorf("request.resultSchema: %w", err)
	}
	return nil
}

// ReconcileNow lets the case be read at Offload now, however far away the next read is. It is a signal: it returns when Temporal has it. The
// read is paced by the account's rate; State shows it as Check until it is done. A case without a caseId is not read.
func (c *Case) ReconcileNow(ctx context.Context, by string) error {
	// The workflow can't refuse a signal.
	now := workflows.ReconcileNow{By: by}
	if err := now.Validate(); err != nil {
		return fmt.Errorf("%s: %w: %w", c.op("check"), ErrInvalid, err)
	}
	err := c.client.temporal.SignalWorkflow(ctx, c.WorkflowID(), "", workflows.SignalReconcileNow, now)
	return c.client.endedOrNever(ctx, c.op("check"), c.WorkflowID(), err)
}

func (c *Case) op(verb string) string { return fmt.Sprintf("%s case %s", verb, c.reference) }

func startStatus(start workflows.CaseStart) workflows.CaseStatus {
	if start.CaseID != "" {
		return workflows.CaseRunning
	}
	return workflows.CaseCreating
}

// sameRequest compares what runs, or ran, under the workflow ID with the request by the hash in its memo. The client's own data converter
// reads the memo, since a payload codec changes its bytes.
func (c *Client) sameRequest(ctx context.Context, workflowID, hash string) error {
	description, err := c.temporal.DescribeWorkflow(ctx, workflowID, "")
	if err != nil {
		return err
	}
	var earlier string
	if err := description.GetMemoValue(workflows.MemoRequestHash, &earlier); err != nil {
		return fmt.Errorf("%w: %s runs, and its request can't be compared: read memo %s: %w", ErrConflict, workflowID, workflows.MemoRequestHash, err)
	}
	if earlier != hash {
		return fmt.Errorf("%w: %s was started with another request", ErrConflict, workflowID)
	}
	return broken(workflowID, description.Status)
}

// requestHash covers the start as the app sent it, without defaults: a default that changes later must not make the same request another one.
// The reference is left out, since the workflow ID has it. Maps are sorted and raw parts compacted.
func requestHash(sent workflows.CaseStart) (string, error) {
	sent.Reference = ""
	canonical, err := json.Marshal(sent)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
