package signalbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ExecutionStatus is where Temporal has a workflow. It may differ from the workflow's state: one that was terminated still shows its last state.
type ExecutionStatus string

// Statuses of a workflow in Temporal. All but the first two say that it was broken off: it takes no events and has no outcome.
const (
	ExecutionRunning    ExecutionStatus = "running"
	ExecutionCompleted  ExecutionStatus = "completed"
	ExecutionFailed     ExecutionStatus = "failed"
	ExecutionCancelled  ExecutionStatus = "cancelled"
	ExecutionTerminated ExecutionStatus = "terminated"
	ExecutionTimedOut   ExecutionStatus = "timed_out"
)

// Listed is a workflow as Temporal lists it. A list may lag behind the workflow by a moment.
type Listed struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Execution is where Temporal has the workflow.
	Execution ExecutionStatus `json:"execution"`
	// Attention says why a person should look, sorted; AttentionHelp says what to do.
	Attention []string `json:"attention,omitempty"`
	// DueAt is when that becomes urgent, or since when it is so where nothing will happen by itself. Zero without attention.
	DueAt time.Time `json:"dueAt,omitzero"`
	// StartedAt is when the current run started: a workflow that has continued as new started earlier.
	StartedAt time.Time `json:"startedAt"`
	// ClosedAt is zero while it is running.
	ClosedAt time.Time `json:"closedAt,omitzero"`
}

// found is one execution with what this package's lists read of it.
type found struct {
	Listed
	workflowType string
	state        string
	caseID       string
	account      string
	status       enumspb.WorkflowExecutionStatus
}

func foundOf(info *workflowpb.WorkflowExecutionInfo) found {
	f := found{
		Listed: Listed{
			WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(),
			Execution: executionStatus(info.GetStatus()), StartedAt: info.GetStartTime().AsTime(),
		},
		workflowType: info.GetType().GetName(), status: info.GetStatus(),
	}
	if closed := info.GetCloseTime(); closed != nil {
		f.ClosedAt = closed.AsTime()
	}
	attributes := info.GetSearchAttributes().GetIndexedFields()
	attribute(attributes, workflows.SearchAttributeState, &f.state)
	attribute(attributes, workflows.SearchAttributeCaseID, &f.caseID)
	attribute(attributes, workflows.SearchAttributeAccount, &f.account)
	attribute(attributes, workflows.SearchAttributeDueAt, &f.DueAt)
	attribute(attributes, workflows.SearchAttributeAttention, &f.Attention)
	slices.Sort(f.Attention)
	if len(f.Attention) == 0 {
		f.Attention, f.DueAt = nil, time.Time{}
	}
	return f
}

// attribute leaves into alone where the attribute is missing or of another type. Temporal never encodes search attributes with the client's
// data converter.
func attribute(all map[string]*commonpb.Payload, name string, into any) {
	if payload, ok := all[name]; ok {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
}

func executionStatus(status enumspb.WorkflowExecutionStatus) ExecutionStatus {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return ExecutionCompleted
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return ExecutionFailed
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return ExecutionCancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return ExecutionTerminated
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return ExecutionTimedOut
	case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
	}
	return ExecutionRunning
}

// conditions are the parts of a visibility query, all of which must hold. Values never leave their quotes: one that has a quote, a backslash or
// a control character is refused.
type conditions []string

func (c conditions) query() string { return strings.Join(c, " AND ") }

// and is the conditions with one more; it changes no other list.
func (c conditions) and(format string, args ...any) conditions {
	return append(slices.Clone(c), fmt.Sprintf(format, args...))
}

// in adds that the attribute has one of the values; none means any. Of a list of keywords, one is enough.
func (c conditions) in(field, attribute string, values ...string) (conditions, error) {
	if len(values) == 0 {
		return c, nil
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		var err error
		if quoted[i], err = quote(field, value); err != nil {
			return nil, err
		}
	}
	return c.and("%s IN (%s)", attribute, strings.Join(quoted, ", ")), nil
}

func (c conditions) startsWith(field, attribute, prefix string) (conditions, error) {
	quoted, err := quote(field, prefix)
	if err != nil {
		return nil, err
	}
	return c.and("%s STARTS_WITH %s", attribute, quoted), nil
}

func (c conditions) time(attribute, operator string, at time.Time) conditions {
	return c.and("%s %s '%s'", attribute, operator, at.UTC().Format(time.RFC3339Nano))
}

// maxSearchedBytes is above every value that is published.
const maxSearchedBytes = 300

// quote is the value as a string of a visibility query. How a quote is escaped in one differs between Temporal's databases, so none passes.
func quote(field, value string) (string, error) {
	switch {
	case value == "":
		return "", fmt.Errorf("%w: %s: it is empty: leave it out", ErrInvalid, field)
	case len(value) > maxSearchedBytes:
		return "", fmt.Errorf("%w: %s: %d bytes, at most %d", ErrInvalid, field, len(value), maxSearchedBytes)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("'\"`\\", r) }):
		return "", fmt.Errorf("%w: %s: %q can't be searched for: it has a quote, a backslash, or a character that is not printable ASCII", ErrInvalid, field, value)
	}
	return "'" + value + "'", nil
}

// mostPerCall is the largest page that Temporal gives.
const mostPerCall = 1000

// list reads one page of executions; token is empty for the first, and afterwards on the last.
func (c *Client) list(ctx context.Context, op string, where conditions, size int, token []byte) (page []found, next []byte, err error) {
	response, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: where.query(), PageSize: int32(min(size, mostPerCall)), NextPageToken: token, //nolint:gosec // min bounds it
	})
	if err != nil {
		return nil, nil, translate(op, err)
	}
	for _, info := range response.GetExecutions() {
		page = append(page, foundOf(info))
	}
	return page, response.GetNextPageToken(), nil
}

// listAll reads up to most executions; more says whether there are others.
func (c *Client) listAll(ctx context.Context, op string, where conditions, most int) (all []found, more bool, err error) {
	var token []byte
	for {
		page, next, err := c.list(ctx, op, where, min(mostPerCall, most-len(all)), token)
		if err != nil {
			return nil, false, err
		}
		all = append(all, page...)
		if len(next) == 0 || len(all) >= most {
			return all, len(next) > 0, nil
		}
		token = next
	}
}
