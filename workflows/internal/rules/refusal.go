package rules

import (
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Refusal is why an update or a start can't be carried out. Type is one of the contract's error types.
type Refusal struct {
	Type    string
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Refuse returns a *Refusal.
func Refuse(errType, format string, args ...any) error {
	return &Refusal{Type: errType, Message: fmt.Sprintf(format, args...)}
}

// Invalid refuses the argument of an update; the message names the field and the fix.
func Invalid(format string, args ...any) error {
	return Refuse(workflows.ErrTypeInvalidArgument, format, args...)
}

// Failure is how an activity failed. Type is one of the contract's error types, FailureCancelled, or empty where nothing is known of the last
// attempt, as after a timeout.
type Failure struct {
	Type    string
	Message string
}

// FailureCancelled is the Type of a call that was cancelled before it was carried out.
const FailureCancelled = "Cancelled"
