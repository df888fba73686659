package signalbox

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// What a call can fail with, beside the errors of the context.
var (
	// ErrInvalid: the request can't be carried out as it is; the message names the field and the fix.
	ErrInvalid = errors.New("invalid request")
	// ErrConflict: the same reference or message stands for another request already.
	ErrConflict = errors.New("conflict with an earlier request")
	// ErrNotFound: there is no such case, activation, approval or run.
	ErrNotFound = errors.New("not found")
	// ErrNoOpenQuestion: the case asks nothing at the moment.
	ErrNoOpenQuestion = errors.New("no open question")
	// ErrOtherQuestion: the case asks another question by now.
	ErrOtherQuestion = errors.New("another question is open")
	// ErrAlreadyAnswered: an answer to this question is on its way.
	ErrAlreadyAnswered = errors.New("already answered")
	// ErrEnded: the case, activation, approval or run is over.
	ErrEnded = errors.New("already ended")
	// ErrTerminated: the workflow was terminated or cancelled in Temporal before it ended. It takes nothing any more and has no outcome.
	ErrTerminated = errors.New("the workflow was terminated")
	// ErrTimedOut: the workflow ran into a timeout that Temporal was given for it. It has no outcome.
	ErrTimedOut = errors.New("the workflow timed out")
	// ErrFailed: the workflow failed, as one does whose input is invalid. It has no outcome. A case that failed at Offload has one.
	ErrFailed = errors.New("the workflow failed")
	// ErrNoFiles: no workflow stores files of the case: it has none, or has not ended yet.
	ErrNoFiles = errors.New("no workflow stores files of the case: it has none, or has not ended yet")
	// ErrNotUncertain: the case exists, so there is nothing to adopt or to create again.
	ErrNotUncertain = errors.New("the case is not waiting to be adopted or created again")
	// ErrPaused: the activation is paused and takes nothing new.
	ErrPaused = errors.New("activation is paused")
	// ErrTooMany: a limit of the activation is reached; try again when some are closed.
	ErrTooMany = errors.New("too many")
	// ErrUnavailable: Temporal can't be reached or no worker answers; nothing is known to have happened.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrNoKeyring: the client was made without a keyring.
	ErrNoKeyring = errors.New("the client has no keyring")
)

// refusals maps the types that workflows refuse updates with to the sentinels.
var refusals = map[string]error{
	workflows.ErrTypeInvalidArgument:   ErrInvalid,
	workflows.ErrTypeNoOpenQuestion:    ErrNoOpenQuestion,
	workflows.ErrTypeOtherQuestion:     ErrOtherQuestion,
	workflows.ErrTypeAlreadyAnswered:   ErrAlreadyAnswered,
	workflows.ErrTypeCaseEnded:         ErrEnded,
	workflows.ErrTypeFilesEnded:        ErrEnded,
	workflows.ErrTypeNotUncertain:      ErrNotUncertain,
	workflows.ErrTypeOtherCase:         ErrConflict,
	workflows.ErrTypeActivationPaused:  ErrPaused,
	workflows.ErrTypeActivationEnded:   ErrEnded,
	workflows.ErrTypeActivationUnknown: ErrNotFound,
	workflows.ErrTypeUnknownApproval:   ErrNotFound,
	workflows.ErrTypeApprovalClosed:    ErrEnded,
	workflows.ErrTypeApprovalConflict:  ErrConflict,
	workflows.ErrTypeUnknownRun:        ErrNotFound,
	workflows.ErrTypeRunClosed:         ErrEnded,
	workflows.ErrTypeTooMany:           ErrTooMany,
	workflows.ErrTypeUnknownNotice:     ErrNotFound,
	workflows.ErrTypeNotGivenUp:        ErrConflict,
	workflows.ErrTypeNoNoticeData:      ErrConflict,
	workflows.ErrTypeOtherAPIKey:       ErrConflict,
}

// translate is the one place where Temporal's errors become this package's. The cause stays wrapped.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	wrap := func(sentinel error) error { return fmt.Errorf("%s: %w: %w", op, sentinel, err) }

	// The cause of a failed workflow may be of a type that refusals have too.
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) {
		return fmt.Errorf("%s: %w: %w: %s", op, brokenBy(ended), err, howToGoOn)
	}
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) {
		if sentinel, known := refusals[refused.Type()]; known {
			return wrap(sentinel)
		}
	}
	var (
		notFound    *serviceerror.NotFound
		invalid     *serviceerror.InvalidArgument
		notReady    *serviceerror.WorkflowNotReady
		unavailable *serviceerror.Unavailable
		exhausted   *serviceerror.ResourceExhausted
		deadline    *serviceerror.DeadlineExceeded
		cancelled   *serviceerror.Canceled
	)
	switch {
	case errors.As(err, &notFound):
		return wrap(ErrNotFound)
	case errors.As(err, &invalid):
		return wrap(ErrInvalid)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", op, err)
	case errors.As(err, &cancelled):
		return wrap(context.Canceled)
	case errors.As(err, &notReady), errors.As(err, &unavailable), errors.As(err, &exhausted), errors.As(err, &deadline):
		return wrap(ErrUnavailable)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// brokenBy is the sentinel for how a workflow ended without a result.
func brokenBy(err *temporal.WorkflowExecutionError) error {
	var (
		terminated *temporal.TerminatedError
		cancelled  *temporal.CanceledError
		timeout    *temporal.TimeoutError
	)
	switch cause := errors.Unwrap(err); {
	case errors.As(cause, &terminated), errors.As(cause, &cancelled):
		return ErrTerminated
	case errors.As(cause, &timeout):
		return ErrTimedOut
	}
	return ErrFailed
}

// broken is the error for a workflow that is closed without a result; nil for one that runs or has completed.
func broken(workflowID string, status enumspb.WorkflowExecutionStatus) error {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return brokenOff{ErrTerminated, workflowID}
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return brokenOff{ErrTimedOut, workflowID}
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return brokenOff{ErrFailed, workflowID}
	case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED,
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
	}
	return nil
}

const howToGoOn = "it takes no events any more. The Web UI shows why; reset it there to its last workflow task to let it go on. " +
	"A case can also be started under another reference"

// brokenOff says which workflow has no result, and what to do.
type brokenOff struct {
	why        error
	workflowID string
}

func (b brokenOff) Error() string { return fmt.Sprintf("%v: %s: %s", b.why, b.workflowID, howToGoOn) }

func (b brokenOff) Unwrap() error { return b.why }
