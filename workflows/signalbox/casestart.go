package signalbox

import (
	"bytes"
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
)

// StartCase starts a case. If the same request was started earlier with the same reference, it attaches to that case instead, also if the
// case has ended. It never starts a case twice. It fails with ErrConflict if the reference belongs to another request, and with
// ErrTerminated, ErrTimedOut or ErrFailed if the earlier case's workflow was terminated, timed out or failed in Temporal.
func (c *Client) StartCase(ctx context.Context, start workflows.CaseStart) (*Case, error) {
	op := "start case"
	sent := start
	start = start.Normalized()
	if err := start.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
	}
	op += " " + start.Reference
	if err := checkSchema(start.Request); err != nil {
		return nil, fmt.Errorf("%s: %w: %w: %w", op, ErrInvalid, workflows.ErrInvalidStart, err)
	}
	if workflows.IsCanaryReference(start.Reference) {
		return nil, fmt.Errorf("%s: %w: reference: %q is reserved for `signalbox doctor --canary`: choose another", op, ErrInvalid, start.Reference)
	}
	hash, err := requestHash(sent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
	}
	id := workflows.OffloadCaseWorkflowID(start.Reference)
	// Look first: Temporal stores the input of a start before it refuses the start, and no erasure finds that input.
	err = c.checkSameRequest(ctx, id, hash)
	attached := true
	if errors.As(err, new(*serviceerror.NotFound)) {
		_, err = c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID:                                       id,
			TaskQueue:                                workflows.TaskQueueWorkflows,
			WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
			WorkflowExecutionErrorWhenAlreadyStarted: true,
			Memo:                                     map[string]any{workflows.MemoRequestHash: hash},
			TypedSearchAttributes:                    startAttributes(start),
			StaticSummary:                            "Offload case " + start.Reference,
		}, workflows.OffloadCaseWorkflow, start)
		if attached = errors.As(err, new(*serviceerror.WorkflowExecutionAlreadyStarted)); attached { // it was started at the same time
			err = c.checkSameRequest(ctx, id, hash)
		}
	}
	if err != nil {
		return nil, translate(ctx, op, err)
	}
	return &Case{client: c, reference: start.Reference, attached: attached}, nil
}

// startAttributes returns the search attributes of a case until its workflow publishes them.
func startAttributes(start workflows.CaseStart) temporal.SearchAttributes {
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState).ValueSet(string(startStatus(start))),
		temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount).ValueSet(start.Account),
	}
	if start.CaseID != "" {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeCaseID).ValueSet(start.CaseID))
	}
	return temporal.NewSearchAttributes(attributes...)
}

func startStatus(start workflows.CaseStart) workflows.CaseStatus {
	if start.CaseID != "" {
		return workflows.CaseRunning
	}
	return workflows.CaseCreating
}

// checkSameRequest compares the hash of the request with the hash in the memo of the earlier case. It reads the memo with the client's own
// data converter, because a payload codec changes its bytes.
func (c *Client) checkSameRequest(ctx context.Context, workflowID, hash string) error {
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
// hash. It leaves the reference out too, as the workflow ID holds it. Key order, white space and escapes in JSON don't count, nor does the time
// zone of the deadline.
func requestHash(sent workflows.CaseStart) (string, error) {
	sent.Reference, sent.Options.Deadline = "", sent.Options.Deadline.UTC()
	encoded, err := json.Marshal(sent)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	// Marshal keeps the key order of raw fields. Decoded, they are maps, whose keys it sorts.
	var decoded any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	canonical, err := json.Marshal(decoded)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
