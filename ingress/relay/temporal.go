package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Temporal is the part of client.Client that the relay uses.
type Temporal interface {
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any, options client.StartWorkflowOptions, workflow any, workflowArgs ...any) (client.WorkflowRun, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error)
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
}

// class says what Temporal's answer to a signal means for the delivery:
//
//	error                                      class       what follows
//	none                                       accepted    delivered
//	NotFound                                   notFound    late where the workflow is closed (delivered if it has the event); else unmatched after the grace time
//	WorkflowExecutionAlreadyStarted            closed      late (signal-with-start, ID reuse refused)
//	no signal: of an erased case               closed      late (see ofErasedCase)
//	ResourceExhausted, cause busy workflow;
//	WorkflowNotReady; the run's signals used
//	up (until it continues as new)             busy        the lane waits; no attempt counted
//	InvalidArgument                            refused     the lane waits; an attempt is counted
//	Unavailable, deadline, other exhaustion,
//	canceled, namespace, permission            outage      probe: held back, or the lane alone waits; no attempt counted
//	Internal and anything else                 unclear     probe: held back, or the lane alone waits and an attempt is counted
//
// Internal is not an outage by itself: the server answers it to a workflow ID that it can't handle.
type class int

const (
	accepted class = iota
	notFound
	closed
	busy
	refused
	outage
	unclear
)

// classify returns the class of an error, as the table of class says.
func classify(err error) class {
	if err == nil {
		return accepted
	}
	exhausted, isExhausted := errors.AsType[*serviceerror.ResourceExhausted](err)
	invalid, isInvalid := errors.AsType[*serviceerror.InvalidArgument](err)
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return notFound
	case errors.As(err, new(*serviceerror.WorkflowExecutionAlreadyStarted)):
		return closed
	case isExhausted:
		if exhausted.Cause == enumspb.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW {
			return busy
		}
		return outage
	case errors.As(err, new(*serviceerror.WorkflowNotReady)):
		return busy
	case isInvalid:
		if workflows.IsSignalLimit(invalid.Message) {
			return busy
		}
		return refused
	case errors.As(err, new(*serviceerror.Unavailable)),
		errors.As(err, new(*serviceerror.DeadlineExceeded)),
		errors.As(err, new(*serviceerror.Canceled)),
		errors.As(err, new(*serviceerror.NamespaceNotFound)),
		errors.As(err, new(*serviceerror.NamespaceUnavailable)),
		errors.As(err, new(*serviceerror.NamespaceNotActive)),
		errors.As(err, new(*serviceerror.NamespaceInvalidState)),
		errors.As(err, new(*serviceerror.PermissionDenied)),
		status.Code(err) == codes.Unauthenticated,
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return outage
	}
	return unclear
}

// probeWorkflowID is the ID of a workflow that does not exist. A description of it uses the same parts of the server as a signal, down to
// the database.
const probeWorkflowID = "signalbox-relay-probe"

// probe returns nil if the server answers correctly that the workflow does not exist.
func probe(ctx context.Context, temporal Temporal) error {
	_, err := temporal.DescribeWorkflowExecution(ctx, probeWorkflowID, "")
	if classify(err) == notFound {
		return nil
	}
	return err
}

// listWorkflows calls visit for each workflow that a visibility query finds, until visit returns an error.
func (r *Relay) listWorkflows(ctx context.Context, query string, perPage int32, visit func(*workflowpb.WorkflowExecutionInfo) error) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: perPage}
	for {
		page, err := r.listPage(ctx, request)
		if err != nil {
			return fmt.Errorf("list workflows: %w", err)
		}
		for _, execution := range page.GetExecutions() {
			if err := visit(execution); err != nil {
				return err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

func (r *Relay) listPage(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.SignalTimeout)
	defer cancel()
	return r.temporal.ListWorkflow(ctx, request)
}

// whyNotFound finds out whether a workflow is closed or never existed: Temporal answers NotFound to a signal in both cases. If the workflow
// closed after the first event came, an earlier signal may have reached it, whose answer was lost: then whyNotFound asks what it has applied.
func (r *Relay) whyNotFound(ctx context.Context, workflowID string, came time.Time, cause error) sendResult {
	described, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	switch {
	case err != nil:
		return resultOf(err)
	case described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		// The workflow has started since the signal: the next try finds it.
		return sendResult{class: busy, err: cause}
	}
	result := sendResult{class: closed, err: cause}
	switch described.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		result.beforeEnd = true
	default: // a cancellation is an end that a person chose
	}
	if at := described.GetWorkflowExecutionInfo().GetCloseTime(); at != nil {
		result.closedAt = at.AsTime()
	}
	if result.closedAt.After(came) {
		result.applied = r.lastApplied(ctx, workflowID)
	}
	return result
}

// lastApplied returns when the newest event that a workflow has applied was accepted; zero if it has none or can't be asked, as without a worker.
func (r *Relay) lastApplied(ctx context.Context, workflowID string) time.Time {
	var state struct { // of a case and of an activation
		LastApplied *workflows.AppliedEvent `json:"lastApplied"`
	}
	answer, err := r.temporal.QueryWorkflow(ctx, workflowID, "", workflows.QueryState)
	if err == nil {
		err = answer.Get(&state)
	}
	if err != nil || state.LastApplied == nil {
		return time.Time{}
	}
	return state.LastApplied.AcceptedAt
}
