package signalbox

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// Types of the errors that the activities fail with, for retry policies and for workflows in other languages; Go workflows use Failure.
// Only ErrTypeUnavailable is retried: asked again, a refusal stays one until something else has happened.
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

// failureTypes pairs each sentinel with the type in which it crosses from an activity to its workflow.
var failureTypes = []struct {
	sentinel error
	typ      string
}{
	// What is wrong with the whole workflow goes before what it was asked.
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

// failure is what an activity fails with for an error of the client. What is not known here goes on as it is, and is retried.
func failure(err error) error {
	for _, f := range failureTypes {
		if errors.Is(err, f.sentinel) {
			// The cause is left out: its text is in this one's already.
			return temporal.NewApplicationErrorWithOptions(err.Error(), f.typ, temporal.ApplicationErrorOptions{
				NonRetryable: f.typ != ErrTypeUnavailable,
			})
		}
	}
	return err
}

// Failure gives a workflow back what an activity of this package failed with: errors.Is tells the sentinels apart, as with the client.
//
//	err := workflow.ExecuteActivity(ctx, signalbox.ActivityRequestApprovals, …).Get(ctx, nil)
//	if errors.Is(signalbox.Failure(err), signalbox.ErrPaused) {
func Failure(err error) error {
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		for _, f := range failureTypes {
			if failed.Type() == f.typ {
				return fmt.Errorf("%w: %w", f.sentinel, err)
			}
		}
	}
	return err
}
