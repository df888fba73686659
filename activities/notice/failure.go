package notice

import (
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// failure is a failed attempt. errorType is a type of the contract; only workflows.ErrTypeNoticeUndelivered is retried.
type failure struct {
	err       error
	errorType string
	// pause is the time until the next attempt; 0 leaves it to the retry policy.
	pause time.Duration
	// retryAfter is the pause that the receiver asks for; 0 if it asks for none.
	retryAfter time.Duration
}

func undelivered(err error) *failure {
	return &failure{err: err, errorType: workflows.ErrTypeNoticeUndelivered}
}

func final(errorType string, err error) *failure { return &failure{err: err, errorType: errorType} }

// maxErrorBytes limits the message: if a retried error is larger than 4 KiB, Temporal drops its details.
const maxErrorBytes = 500

// asError returns the failure as a Temporal error. Failed deliveries are normal, so the error is benign: the SDK does not log it at ERROR.
func (f *failure) asError(made workflows.NoticeDelivery) error {
	return temporal.NewApplicationErrorWithOptions(workflows.Clip(f.err.Error(), maxErrorBytes), f.errorType, temporal.ApplicationErrorOptions{
		NonRetryable: f.errorType != workflows.ErrTypeNoticeUndelivered, NextRetryDelay: f.pause,
		Category: temporal.ApplicationErrorCategoryBenign, Details: []any{made},
	})
}

// byTemporal translates an error of Temporal: an invalid or denied request is final, anything else is retried.
func byTemporal(err error) *failure {
	if refused(err) || errors.As(err, new(*serviceerror.PermissionDenied)) {
		return final(workflows.ErrTypeNoticeInvalid, err)
	}
	return undelivered(err)
}

// refused reports whether Temporal says that a request is invalid. A run that has had all its signals is busy: it takes more once it
// continues as new.
func refused(err error) bool {
	invalid, ok := errors.AsType[*serviceerror.InvalidArgument](err)
	return ok && !workflows.IsSignalLimit(invalid.Message)
}

// invalid returns err as the non-retryable error of a hand-off.
func invalid(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeNoticeInvalid, nil)
}

func isInvalid(err error) bool {
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && application.Type() == workflows.ErrTypeNoticeInvalid
}

// translate makes an error of a hand-off final if Temporal says that the request is invalid.
func translate(err error) error {
	if refused(err) {
		return invalid(err)
	}
	return err
}
