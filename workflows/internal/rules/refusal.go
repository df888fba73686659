package rules

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Refusal is the reason why an update or a start is refused. Type is one of the contract's error types.
type Refusal struct {
	Type    string
	Message string
	// UntilNews: an event or a result that comes may lift the refusal.
	UntilNews bool
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Refuse returns a *Refusal.
func Refuse(errType, format string, args ...any) error {
	return &Refusal{Type: errType, Message: fmt.Sprintf(format, args...)}
}

// RefuseUntilNews returns a *Refusal that an event or a result may lift.
func RefuseUntilNews(errType, format string, args ...any) error {
	return &Refusal{Type: errType, Message: fmt.Sprintf(format, args...), UntilNews: true}
}

// Invalid refuses the argument of an update; the message names the field and the fix.
func Invalid(format string, args ...any) error {
	return Refuse(workflows.ErrTypeInvalidArgument, format, args...)
}

// Failure is the error of an activity. Type is one of the contract's error types, or FailureCancelled. It is empty if the result of the
// last attempt is not known, for example after a timeout.
type Failure struct {
	Type    string
	Message string
	// Final: the activity reported the error as non-retryable.
	Final bool
	// RetryAfter is the pause that the activity asked for before its next attempt; zero if it asked for none.
	RetryAfter time.Duration
}

// FailureCancelled is the Type of a call that was cancelled before it was sent.
const FailureCancelled = "Cancelled"
