package offloadcase

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// failure translates how an activity failed for the rules:
//
//	timeout                  no type: nobody knows what the last attempt did, whatever the one before it said
//	application error        its type, which the activities take from the contract
//	cancelled by this run    lifecycle.FailureCancelled
//	anything else            no type
//
// The order matters: the server wraps the failure of an earlier attempt in a timeout, and an activity may name a cancellation as the
// cause of its own error. To take the inner one for the result would let a creation be repeated that went out.
func failure(err error) lifecycle.Failure {
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch {
	case errors.As(err, &timeout):
		return lifecycle.Failure{Message: "no answer in time (" + timeout.TimeoutType().String() + ")"}
	case errors.As(err, &application):
		return lifecycle.Failure{Type: application.Type(), Message: application.Message()}
	case temporal.IsCanceledError(err):
		return lifecycle.Failure{Type: lifecycle.FailureCancelled, Message: "given up before it was carried out"}
	}
	return lifecycle.Failure{Message: err.Error()}
}

// fileFailure is the last word of the activity, even where the server gave up waiting for another. A file may be stored again, so nothing
// depends on what became of the last attempt.
func fileFailure(err error) lifecycle.Failure {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return lifecycle.Failure{Type: application.Type(), Message: application.Message()}
	}
	return failure(err)
}
