package signalbox

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// Types of the errors of the activities, for retry policies and for workflows in other languages; Go workflows use Failure. Only
// ErrTypeUnavailable is retried: a retry of the others would fail in the same way.
const (
	ErrTypeInvalid         = "SignalboxInvalid"
	ErrTypeConflict        = "SignalboxConflict"
	ErrTypeNotFound        = "SignalboxNotFound"
	ErrTypeNoOpenQuestion  = "SignalboxNoOpenQuestion"
	ErrTypeOtherQuestion   = "SignalboxOtherQuestion"
	ErrTypeAlreadyAnswered = "SignalboxAlreadyAnswered"
	ErrTypeEnded           = "SignalboxEnded"
	ErrTypeNotUncertain    = "SignalboxNotUncertain"
	ErrTypePaused          = "SignalboxPaused"
	ErrTypeTooMany         = "SignalboxTooMany"
	ErrTypeTerminated      = "SignalboxTerminated"
	ErrTypeTimedOut        = "SignalboxTimedOut"
	ErrTypeFailed          = "SignalboxFailed"
	ErrTypeUnavailable     = "SignalboxUnavailable"
)

// failureTypes pairs each sentinel with the error type that an activity reports to its workflow. An error may wrap several sentinels; the
// first one in this list decides.
var failureTypes = []struct {
	sentinel error
	typ      string
}{
	// Errors of the whole workflow come before those of one request.
	{ErrTerminated, ErrTypeTerminated},
	{ErrTimedOut, ErrTypeTimedOut},
	{ErrFailed, ErrTypeFailed},
	{ErrInvalid, ErrTypeInvalid},
	{ErrConflict, ErrTypeConflict},
	{ErrNotFound, ErrTypeNotFound},
	{ErrNoOpenQuestion, ErrTypeNoOpenQuestion},
	{ErrOtherQuestion, ErrTypeOtherQuestion},
	{ErrAlreadyAnswered, ErrTypeAlreadyAnswered},
	{ErrEnded, ErrTypeEnded},
	{ErrNotUncertain, ErrTypeNotUncertain},
	{ErrPaused, ErrTypePaused},
	{ErrTooMany, ErrTypeTooMany},
	{ErrUnavailable, ErrTypeUnavailable},
}

// failure turns an error of the client into an error of an activity. An error that is not in failureTypes, such as ErrAccessDenied, is returned as
// it is, so Temporal retries it.
func failure(err error) error {
	for _, f := range failureTypes {
		if errors.Is(err, f.sentinel) {
			// The message already has the text of the cause.
			return temporal.NewApplicationErrorWithOptions(err.Error(), f.typ, temporal.ApplicationErrorOptions{
				NonRetryable: f.typ != ErrTypeUnavailable,
			})
		}
	}
	return err
}

// Failure restores the sentinel in an error of an activity of this package, so that a workflow can use errors.Is as with the client.
//
//	err := workflow.ExecuteActivity(ctx, signalbox.ActivityRequestApprovals, …).Get(ctx, nil)
//	if errors.Is(signalbox.Failure(err), signalbox.ErrPaused) {
func Failure(err error) error {
	if failed, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		for _, f := range failureTypes {
			if failed.Type() == f.typ {
				return fmt.Errorf("%w: %w", f.sentinel, err)
			}
		}
	}
	return err
}
