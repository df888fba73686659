package signalbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Errors of this package. A call can also fail with the error of its context.
var (
	// ErrInvalid: the request can't be carried out as it is; the message names the field and the fix.
	ErrInvalid = errors.New("invalid request")
	// ErrConflict: the reference or message belongs to another request; the case to adopt has another caseId; a notice to resend or dismiss is not
	// given up, or its data is gone; or the API key changed during a reseal.
	ErrConflict = errors.New("conflict with an earlier request")
	// ErrNotFound: there is no such case, activation, approval or run.
	ErrNotFound = errors.New("not found")
	// ErrNoOpenQuestion: the case has no open question.
	ErrNoOpenQuestion = errors.New("no open question")
	// ErrOtherQuestion: another question is open now.
	ErrOtherQuestion = errors.New("another question is open")
	// ErrAlreadyAnswered: the question has been answered already, here or at Offload.
	ErrAlreadyAnswered = errors.New("already answered")
	// ErrEnded: the case, activation, approval or run has ended.
	ErrEnded = errors.New("already ended")
	// ErrTerminated: the workflow was terminated or cancelled in Temporal before it ended. It takes no more events and has no outcome.
	ErrTerminated = errors.New("the workflow was terminated")
	// ErrTimedOut: the workflow exceeded a timeout that was set for it in Temporal. It has no outcome.
	ErrTimedOut = errors.New("the workflow timed out")
	// ErrFailed: the workflow failed in Temporal, for example because its input is invalid. It has no outcome. A case that failed at Offload
	// is not this error: it has an outcome.
	ErrFailed = errors.New("the workflow failed")
	// ErrNoFiles: no workflow stores files of the case: the case has none, was cancelled, or has not ended yet.
	ErrNoFiles = errors.New("no workflow stores files of the case: the case has none, was cancelled, or has not ended yet")
	// ErrNotUncertain: the case can't be adopted or created again now: it exists at Offload, its creation is under way, or its deadline has passed.
	ErrNotUncertain = errors.New("the case is not waiting to be adopted or created again")
	// ErrPaused: the activation is paused and accepts nothing new.
	ErrPaused = errors.New("activation is paused")
	// ErrTooMany: a limit of the workflow is reached. Try again when some approvals, runs or notices are closed.
	ErrTooMany = errors.New("too many")
	// ErrUnavailable: Temporal can't be reached; the namespace or a search attribute is missing; no worker answers, or none can replay the
	// workflow; or the workflow is paused in Temporal or has had all signals that its run may get. The call may or may not have had an effect. A call that
	// changes a case, an activation or notices waits for a worker until the deadline of its context, or for 30 seconds if there is none;
	// ReconcileNow and TouchRuns wait for none.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrAccessDenied: Temporal does not know the client's API key, or the key or certificate lacks a permission in the namespace.
	ErrAccessDenied = errors.New("refused by Temporal: check the API key or certificate, and their permissions in the namespace")
	// ErrNoKeyring: the client was made without a keyring.
	ErrNoKeyring = errors.New("the client has no keyring")
)

// refusals maps the types of errors with which workflows refuse updates to the sentinels.
var refusals = map[string]error{
	workflows.ErrTypeInvalidArgument:  ErrInvalid,
	workflows.ErrTypeNoOpenQuestion:   ErrNoOpenQuestion,
	workflows.ErrTypeOtherQuestion:    ErrOtherQuestion,
	workflows.ErrTypeAlreadyAnswered:  ErrAlreadyAnswered,
	workflows.ErrTypeCaseEnded:        ErrEnded,
	workflows.ErrTypeFilesEnded:       ErrEnded,
	workflows.ErrTypeNotUncertain:     ErrNotUncertain,
	workflows.ErrTypeOtherCase:        ErrConflict,
	workflows.ErrTypeActivationPaused: ErrPaused,
	workflows.ErrTypeActivationEnded:  ErrEnded,
	workflows.ErrTypeUnknownApproval:  ErrNotFound,
	workflows.ErrTypeApprovalClosed:   ErrEnded,
	workflows.ErrTypeApprovalConflict: ErrConflict,
	workflows.ErrTypeUnknownRun:       ErrNotFound,
	workflows.ErrTypeRunClosed:        ErrEnded,
	workflows.ErrTypeTooMany:          ErrTooMany,
	workflows.ErrTypeUnknownNotice:    ErrNotFound,
	workflows.ErrTypeNotGivenUp:       ErrConflict,
	workflows.ErrTypeNoNoticeData:     ErrConflict,
	workflows.ErrTypeOtherAPIKey:      ErrConflict,
}

// translate turns an error of Temporal into one of this package, and wraps the cause. No other function does so. ctx is that of the call.
func translate(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	wrap := func(sentinel error) error { return fmt.Errorf("%s: %w: %w", op, sentinel, err) }

	// This comes first: the cause of a failed workflow can have a type that is also in refusals.
	if ended, ok := errors.AsType[*temporal.WorkflowExecutionError](err); ok {
		resetTo, why := brokenBy(ended)
		return fmt.Errorf("%s: %w: %w: %s", op, why, err, fmt.Sprintf(resetHelp, resetTo))
	}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		if sentinel, known := refusals[refused.Type()]; known {
			return wrap(sentinel)
		}
	}
	invalid, isInvalid := errors.AsType[*serviceerror.InvalidArgument](err)
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return wrap(ErrNotFound)
	case isInvalid && !workflows.IsMissingSearchAttribute(invalid.Message) && !workflows.IsSignalLimit(invalid.Message):
		return wrap(ErrInvalid)
	case errors.As(err, new(*serviceerror.PermissionDenied)), status.Code(err) == codes.Unauthenticated:
		return wrap(ErrAccessDenied)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", op, err)
	case errors.As(err, new(*serviceerror.Canceled)):
		return wrap(context.Canceled)
	case isInvalid,
		errors.As(err, new(*serviceerror.WorkflowNotReady)),
		errors.As(err, new(*serviceerror.FailedPrecondition)), // no worker has polled for a while, or the workflow is paused
		errors.As(err, new(*serviceerror.Unavailable)),
		errors.As(err, new(*serviceerror.ResourceExhausted)),
		errors.As(err, new(*serviceerror.DeadlineExceeded)),
		// To answer a query, a worker replays a workflow that is not in its cache. That fails if the history grows meanwhile
		// (https://github.com/temporalio/sdk-go/issues/755).
		errors.As(err, new(*serviceerror.QueryFailed)),
		errors.As(err, new(*serviceerror.NamespaceNotFound)),
		errors.As(err, new(*serviceerror.NamespaceUnavailable)),
		errors.As(err, new(*serviceerror.NamespaceNotActive)),
		errors.As(err, new(*serviceerror.NamespaceInvalidState)):
		return wrap(cmp.Or(ctx.Err(), ErrUnavailable)) // the SDK turns the end of ctx into an error of the server
	}
	return fmt.Errorf("%s: %w", op, err)
}

// errPausedInTemporal: an operator has paused the workflow in Temporal.
var errPausedInTemporal = errors.New("is paused in Temporal: unpause it")

// concernsOneWorkflow reports whether an ErrUnavailable is about the called workflow only: calls of other workflows may succeed.
func concernsOneWorkflow(err error) bool {
	invalid, isInvalid := errors.AsType[*serviceerror.InvalidArgument](err)
	return errors.As(err, new(*serviceerror.WorkflowNotReady)) || errors.As(err, new(*serviceerror.QueryFailed)) ||
		errors.Is(err, errPausedInTemporal) || isInvalid && workflows.IsSignalLimit(invalid.Message)
}

// brokenBy returns the sentinel for a workflow that closed without a result, and the task to reset it to.
func brokenBy(err *temporal.WorkflowExecutionError) (resetTo string, why error) {
	switch cause := errors.Unwrap(err); {
	case errors.As(cause, new(*temporal.TerminatedError)):
		return lastTask, ErrTerminated
	case errors.As(cause, new(*temporal.CanceledError)):
		return taskBeforeCancel, ErrTerminated
	case errors.As(cause, new(*temporal.TimeoutError)):
		return lastTask, ErrTimedOut
	}
	return lastTask, ErrFailed
}

// broken returns the error for a workflow that closed without a result; nil for one that is running or has completed.
func broken(workflowID string, status enumspb.WorkflowExecutionStatus) error {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return brokenError{ErrTerminated, workflowID, lastTask}
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return brokenError{ErrTerminated, workflowID, taskBeforeCancel}
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return brokenError{ErrTimedOut, workflowID, lastTask}
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return brokenError{ErrFailed, workflowID, lastTask}
	case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED,
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
	}
	return nil
}

const (
	resetHelp = "it takes no more events. Temporal's Web UI shows why; reset the workflow there to %s to make it go on, " +
		"then run `signalbox catch-up --since` with the time when it closed. If an agent's own workflow has ended with its activation, reset it too. A case can also be started under another reference"
	lastTask = "its last workflow task"
	// taskBeforeCancel: a cancel request comes before the last workflow task, so a reset to that one would be cancelled again.
	taskBeforeCancel = "a workflow task before the cancellation"
)

// brokenError is the error of a workflow that closed without a result. It names the workflow and the fix.
type brokenError struct {
	why                 error
	workflowID, resetTo string
}

func (b brokenError) Error() string {
	return fmt.Sprintf("%v: %s: "+resetHelp, b.why, b.workflowID, b.resetTo)
}

func (b brokenError) Unwrap() error { return b.why }
