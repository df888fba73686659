package offloadcase

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// failure translates how an activity failed for the rules:
//
//	application error        its type, which the activities take from the contract
//	cancelled by this run    lifecycle.FailureCancelled
//	anything else            no type: a timeout or a panic, of which nobody knows what it did
func failure(err error) lifecycle.Failure {
	if temporal.IsCanceledError(err) {
		return lifecycle.Failure{Type: lifecycle.FailureCancelled, Message: "given up before it was carried out"}
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return lifecycle.Failure{Type: application.Type(), Message: application.Message()}
	}
	return lifecycle.Failure{Message: err.Error()}
}
