package notice

import (
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// invalid is the error of what Temporal refuses for good.
func invalid(err error, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(err.Error(), workflows.ErrTypeNoticeInvalid, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: details,
	})
}

func isInvalid(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.Type() == workflows.ErrTypeNoticeInvalid
}

// translate makes an error of a start final where Temporal calls the request invalid.
func translate(err error) error {
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return invalid(err)
	}
	return err
}

// undelivered translates the error of a signal:
//
//	no such workflow runs               retried quietly: it may run in 25 seconds or in a day
//	invalid argument, not permitted     final
//	anything else                       retried
func undelivered(err error, attempt workflows.NoticeDelivery) error {
	var notFound *serviceerror.NotFound
	var refused *serviceerror.InvalidArgument
	var denied *serviceerror.PermissionDenied
	options := temporal.ApplicationErrorOptions{Details: []any{attempt}}
	switch {
	case errors.As(err, &refused), errors.As(err, &denied):
		return invalid(err, attempt)
	case errors.As(err, &notFound):
		// The SDK logs each attempt at ERROR otherwise.
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), workflows.ErrTypeNoticeUndelivered, options)
}
