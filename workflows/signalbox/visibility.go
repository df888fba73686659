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

// ExecutionStatus is the status of a workflow in Temporal. It may contradict the workflow's own state: a terminated workflow keeps its
// last state.
type ExecutionStatus string

// Statuses of a workflow in Temporal. All but running and completed mean that it was stopped before its end: it takes no events and has
// no outcome.
const (
	ExecutionRunning    ExecutionStatus = "running"
	ExecutionCompleted  ExecutionStatus = "completed"
	ExecutionFailed     ExecutionStatus = "failed"
	ExecutionCancelled  ExecutionStatus = "cancelled"
	ExecutionTerminated ExecutionStatus = "terminated"
	ExecutionTimedOut   ExecutionStatus = "timed_out"
)

// Listed is a workflow as Temporal lists it. A list can lag a few seconds behind.
type Listed struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Execution is the workflow's status in Temporal.
	Execution ExecutionStatus `json:"execution"`
	// Attention has the reasons why a person should look, sorted. workflows.AttentionHelp says what to do.
	Attention []string `json:"attention,omitempty"`
	// DueAt is when the attention becomes urgent. If nothing will happen without a person, it is when the attention arose. Zero without
	// attention.
	DueAt time.Time `json:"dueAt,omitzero"`
	// StartedAt is when the current run started. A workflow that has continued as new started earlier.
	StartedAt time.Time `json:"startedAt"`
	// ClosedAt is zero while it is running.
	ClosedAt time.Time `json:"closedAt,omitzero"`
}

// execution is one workflow execution in Temporal's visibility, with the fields that lists need.
type execution struct {
	Listed
	workflowType string
	state        string
	caseID       string
	account      string
	status       enumspb.WorkflowExecutionStatus
}

func executionOf(info *workflowpb.WorkflowExecutionInfo) execution {
	e := execution{
		Listed: Listed{
			WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(),
			Execution: executionStatus(info.GetStatus()), StartedAt: info.GetStartTime().AsTime(),
		},
		workflowType: info.GetType().GetName(), status: info.GetStatus(),
	}
	if closed := info.GetCloseTime(); closed != nil {
		e.ClosedAt = closed.AsTime()
	}
	attributes := info.GetSearchAttributes().GetIndexedFields()
	attribute(attributes, workflows.SearchAttributeState, &e.state)
	attribute(attributes, workflows.SearchAttributeCaseID, &e.caseID)
	attribute(attributes, workflows.SearchAttributeAccount, &e.account)
	attribute(attributes, workflows.SearchAttributeDueAt, &e.DueAt)
	attribute(attributes, workflows.SearchAttributeAttention, &e.Attention)
	slices.Sort(e.Attention)
	if len(e.Attention) == 0 {
		e.Attention, e.DueAt = nil, time.Time{}
	}
	return e
}

// attribute decodes a search attribute. If it is missing or of another type, into stays as it is. The default data converter is right:
// Temporal never encodes search attributes with the client's own.
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

// conditions are the parts of a visibility query, joined by AND. quote refuses each value that could break out of its quotes.
type conditions []string

// noCanary leaves out the canaries of signalbox doctor. Temporal on SQLite also leaves out references that differ in case only.
var noCanary = "WorkflowId NOT STARTS_WITH '" + workflows.OffloadCaseWorkflowID(workflows.CanaryReference("")) + "'"

func (c conditions) query() string { return strings.Join(c, " AND ") }

// and returns the conditions with one more; c stays as it is.
func (c conditions) and(format string, args ...any) conditions {
	return append(slices.Clone(c), fmt.Sprintf(format, args...))
}

// in adds that the attribute has one of the values; without values it adds nothing. A list of keywords matches if one of them does.
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

func (c conditions) idStartsWith(field, prefix string) (conditions, error) {
	quoted, err := quote(field, prefix)
	if err != nil {
		return nil, err
	}
	return c.and("WorkflowId STARTS_WITH %s", quoted), nil
}

func (c conditions) time(attribute, operator string, at time.Time) conditions {
	return c.and("%s %s '%s'", attribute, operator, at.UTC().Format(time.RFC3339Nano))
}

// maxSearchedBytes is more than any published value has.
const maxSearchedBytes = 300

// Searchable reports whether a value can stand in a filter of lists: filters refuse quotes, backslashes, and what is not printable ASCII.
func Searchable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("'\"`\\", r) })
}

// quote returns the value as a string of a visibility query. Temporal's databases escape quotes in different ways, so a value with a
// quote is refused.
func quote(field, value string) (string, error) {
	switch {
	case value == "":
		return "", fmt.Errorf("%w: %s: it is empty: leave it out", ErrInvalid, field)
	case len(value) > maxSearchedBytes:
		return "", fmt.Errorf("%w: %s: %d bytes, at most %d", ErrInvalid, field, len(value), maxSearchedBytes)
	case !Searchable(value):
		return "", fmt.Errorf("%w: %s: %q can't be searched for: it has a quote, a backslash, or a character that is not printable ASCII", ErrInvalid, field, value)
	}
	return "'" + value + "'", nil
}

// maxPerCall is the largest page that Temporal returns.
const maxPerCall = 1000

// list reads one page of executions. token is empty for the first page; next is empty after the last.
func (c *Client) list(ctx context.Context, op string, where conditions, size int, token []byte) (page []execution, next []byte, err error) {
	response, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: where.query(), PageSize: int32(min(size, maxPerCall)), NextPageToken: token, //nolint:gosec // min bounds it
	})
	if err != nil {
		return nil, nil, translate(ctx, op, err)
	}
	for _, info := range response.GetExecutions() {
		page = append(page, executionOf(info))
	}
	return page, response.GetNextPageToken(), nil
}

// listAll reads up to most executions. more reports whether there are others.
func (c *Client) listAll(ctx context.Context, op string, where conditions, most int) (all []execution, more bool, err error) {
	var token []byte
	for {
		page, next, err := c.list(ctx, op, where, min(maxPerCall, most-len(all)), token)
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
