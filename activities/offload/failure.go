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

// repetition says whether a request may be sent again when nobody can tell what became of it.
type repetition bool

const (
	once       repetition = false // POST /cases
	repeatable repetition = true  // reads, and the answer, of which Offload takes only one
)

// verdict says what follows from a failure.
type verdict int

const (
	// final: no later attempt can end otherwise, or none may be made.
	final verdict = iota
	// passing: it passes by itself.
	passing
	// trouble: a person has to mend it, and any later attempt may find it mended.
	trouble
)

// failure is the one translation of a failed call into the error that the server and the workflow see:
//
//	the call                       once                   repeatable
//	not sent                       NotSent, passing       NotSent, passing
//	no usable argument, other 4xx  InvalidRequest, final  InvalidRequest, final
//	401, 403, 404                  own type, trouble      own type, trouble
//	429 USAGE_LIMIT_REACHED        UsageLimit, trouble    UsageLimit, trouble
//	429                            Throttled, passing     Throttled, passing
//	anything else                  Uncertain, final       Unavailable, passing
//
// Trouble is retryable, slowly. A workflow that has yet to hear of it names its type as non-retryable in the retry policy; once it has, it
// leaves it to the server to retry, which adds nothing to the history.
//
// The client's error becomes the message and no cause, which would only store the same words again.
func (a *Activities) failure(ctx context.Context, may repetition, patience patience, err error) error {
	errType, verdict := classify(may, err)
	if verdict == final {
		return temporal.NewApplicationErrorWithOptions(err.Error(), errType, temporal.ApplicationErrorOptions{NonRetryable: true})
	}
	pace := patience.soon
	if verdict == trouble {
		pace = patience.slow
	}
	var retryAfter time.Duration
	var apiErr *offloadapi.Error
	if errors.As(err, &apiErr) {
		retryAfter = apiErr.RetryAfter
	}
	delay := pace.afterFailure(activity.GetInfo(ctx).Attempt, retryAfter, a.random())
	message := err.Error()
	if verdict == passing {
		// Of trouble, the retry policy may have none but the workflow say when.
		message += "; next attempt in " + delay.Round(time.Second).String()
	}
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
}

// classify asks for the particular before the general: a 401 is also a refusal.
func classify(may repetition, err error) (string, verdict) {
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
	case may == repeatable:
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
