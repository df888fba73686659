package signalbox

import (
	"context"
	"errors"
	"fmt"

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
	workflows.ErrTypeOtherAPIKey:       ErrConflict,
}

// translate is the one place where Temporal's errors become this package's. The cause stays wrapped.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	wrap := func(sentinel error) error { return fmt.Errorf("%s: %w: %w", op, sentinel, err) }

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
	)
	switch {
	case errors.As(err, &notFound):
		return wrap(ErrNotFound)
	case errors.As(err, &invalid):
		return wrap(ErrInvalid)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", op, err)
	case errors.As(err, &notReady), errors.As(err, &unavailable), errors.As(err, &exhausted), errors.As(err, &deadline):
		return wrap(ErrUnavailable)
	}
	return fmt.Errorf("%s: %w", op, err)
}
