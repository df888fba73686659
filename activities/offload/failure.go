package offload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

// repetition says whether a request may be sent again when it may have been carried out.
type repetition int

const (
	once       repetition = iota // POST /cases
	repeatable                   // the answer, of which Offload takes only one
	reading                      // GET
)

// retryKind says how a failure is retried.
type retryKind int

const (
	// final: no later attempt can end otherwise, or none may be made.
	final retryKind = iota
	// passing: it passes by itself.
	passing
	// trouble: a person has to mend it, and any later attempt may find it mended.
	trouble
)

// failure is the one translation of a failed call into the error that the server and the workflow see:
//
//	the call                       once                   repeatable             reading
//	not sent                       NotSent, passing       NotSent, passing       NotSent, passing
//	no usable argument, other 4xx  InvalidRequest, final  InvalidRequest, final  InvalidRequest, final
//	401, 403, 404                  own type, trouble      own type, trouble      own type, trouble
//	429 USAGE_LIMIT_REACHED        UsageLimit, trouble    UsageLimit, trouble    UsageLimit, trouble
//	429                            Throttled, passing     Throttled, passing     Throttled, passing
//	2xx that can't be read         Uncertain, final       Unavailable, passing   Unreadable, trouble
//	anything else                  Uncertain, final       Unavailable, passing   Unavailable, passing
//
// Trouble is retryable, slowly. A workflow that has not noted it yet names its type as non-retryable in the retry policy; afterwards it leaves
// the retries to the server, which adds nothing to the history.
//
// The client's error becomes the message and no cause, which would only store the same words again.
func (a *Activities) failure(ctx context.Context, may repetition, pacing pacing, err error) error {
	errType, kind := classify(may, err)
	return a.failureOf(errType, kind, pacing, activity.GetInfo(ctx).Attempt, err)
}

// failureOf is failure with the pause after that many attempts.
func (a *Activities) failureOf(errType string, kind retryKind, pacing pacing, attempt int32, err error) error {
	if kind == final {
		return temporal.NewApplicationErrorWithOptions(err.Error(), errType, temporal.ApplicationErrorOptions{NonRetryable: true})
	}
	pace := pacing.soon
	if kind == trouble {
		pace = pacing.slow
	}
	var retryAfter time.Duration
	var apiErr *offloadapi.Error
	if errors.As(err, &apiErr) {
		retryAfter = apiErr.RetryAfter
	}
	delay := pace.afterFailure(attempt, retryAfter, a.random())
	message := err.Error()
	if kind == passing {
		// Of trouble, the retry policy may have none but the workflow say when.
		message += "; next attempt in " + delay.Round(time.Second).String()
	}
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
}

// classify asks for the particular before the general: a 401 is also a refusal.
func classify(may repetition, err error) (string, retryKind) {
	switch {
	case errors.Is(err, errUnknownAccount):
		return workflows.ErrTypeOffloadUnknownAccount, trouble
	case errors.Is(err, offloadapi.ErrInvalidArgument):
		return workflows.ErrTypeOffloadInvalidRequest, final
	case errors.Is(err, offloadapi.ErrNotSent):
		return workflows.ErrTypeOffloadNotSent, passing
	case errors.Is(err, offloadapi.ErrUnauthorized):
		return workflows.ErrTypeOffloadUnauthorized, trouble
	case errors.Is(err, offloadapi.ErrForbidden):
		return workflows.ErrTypeOffloadForbidden, trouble
	case errors.Is(err, offloadapi.ErrNotFound):
		return workflows.ErrTypeOffloadNotFound, trouble
	case errors.Is(err, offloadapi.ErrUsageLimit):
		return workflows.ErrTypeOffloadUsageLimit, trouble
	case errors.Is(err, offloadapi.ErrThrottled):
		return workflows.ErrTypeOffloadThrottled, passing
	case errors.Is(err, offloadapi.ErrRefused):
		return workflows.ErrTypeOffloadInvalidRequest, final
	case may == reading && (errors.Is(err, offloadapi.ErrInvalidResponse) || errors.Is(err, offloadapi.ErrResponseTooLarge)):
		return workflows.ErrTypeOffloadUnreadable, trouble
	case may != once:
		return workflows.ErrTypeOffloadUnavailable, passing
	}
	return workflows.ErrTypeOffloadUncertain, final
}

// errUnknownAccount: the name is wrong, or the account is missing in this worker's configuration.
var errUnknownAccount = errors.New("this worker has no such Offload account")

func (a *Activities) account(name string) (*offloadapi.Client, error) {
	client, ok := a.accounts[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", errUnknownAccount, name)
	}
	return client, nil
}

// reportMargin is kept of an attempt's time for telling the server how it ended. An attempt that the server gave up on is uncertain even if
// it went well.
const reportMargin = 2 * time.Second

// callContext bounds a call made under parent so that it ends before the attempt's own deadline.
func callContext(attempt, parent context.Context) (context.Context, context.CancelFunc) {
	info := activity.GetInfo(attempt)
	margin := min(reportMargin, info.Deadline.Sub(info.StartedTime)/4)
	return context.WithDeadline(parent, info.Deadline.Add(-margin))
}
