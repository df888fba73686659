package notice

import (
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// failure is how an attempt failed. Type is one of the contract's; only workflows.ErrTypeNoticeUndelivered is tried again.
type failure struct {
	err       error
	errorType string
	// pause is before the next attempt; zero: as the workflow's retry policy says.
	pause time.Duration
}

func undelivered(err error) *failure {
	return &failure{err: err, errorType: workflows.ErrTypeNoticeUndelivered}
}

func final(errorType string, err error) *failure { return &failure{err: err, errorType: errorType} }

// maxErrorBytes keeps a retried error within the 4 KiB beyond which Temporal drops its details.
const maxErrorBytes = 500

// asError is the failure as Temporal takes it. A delivery is expected to fail, so the SDK does not log each attempt at ERROR.
func (f *failure) asError(made workflows.NoticeDelivery) error {
	return temporal.NewApplicationErrorWithOptions(workflows.Clip(f.err.Error(), maxErrorBytes), f.errorType, temporal.ApplicationErrorOptions{
		NonRetryable: f.errorType != workflows.ErrTypeNoticeUndelivered, NextRetryDelay: f.pause,
		Category: temporal.ApplicationErrorCategoryBenign, Details: []any{made},
	})
}

// byTemporal translates an error of Temporal: what it calls invalid or not permitted is final, anything else is tried again.
func byTemporal(err error) *failure {
	var refused *serviceerror.InvalidArgument
	var denied *serviceerror.PermissionDenied
	if errors.As(err, &refused) || errors.As(err, &denied) {
		return final(workflows.ErrTypeNoticeInvalid, err)
	}
	return undelivered(err)
}

// invalid is the error of a hand-off that Temporal refuses for good.
func invalid(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeNoticeInvalid, nil)
}

func isInvalid(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.Type() == workflows.ErrTypeNoticeInvalid
}

// translate makes an error of a hand-off final where Temporal calls the request invalid.
func translate(err error) error {
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return invalid(err)
	}
	return err
}
