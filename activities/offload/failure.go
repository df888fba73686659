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

// repetition says whether a request may be sent again although it may have been carried out.
type repetition int

const (
	neverRepeat repetition = iota // POST /cases
	mayRepeat                     // POST of an answer, since Offload accepts only one; GET of a file, which a result can be too
	caseRead                      // GET of a case: a refusal needs a person, since a read has nothing to correct
)

// retryKind says how a failure is retried.
type retryKind int

const (
	// final: a later attempt would fail in the same way, or must not be made.
	final retryKind = iota
	// transient: the cause ends without a person.
	transient
	// needsPerson: a person has to remove the cause; a later attempt may then succeed.
	needsPerson
)

// failure translates a failed call into the error that the server and the workflow see:
//
//	the call                       neverRepeat              mayRepeat                caseRead
//	not sent                       NotSent, transient       NotSent, transient       NotSent, transient
//	no usable argument             InvalidRequest, final    InvalidRequest, final    InvalidRequest, final
//	other 4xx                      InvalidRequest, final    InvalidRequest, final    Unreadable, needsPerson
//	401, 403, 404                  own type, needsPerson    own type, needsPerson    own type, needsPerson
//	429 USAGE_LIMIT_REACHED        UsageLimit, needsPerson  UsageLimit, needsPerson  UsageLimit, needsPerson
//	429                            Throttled, transient     Throttled, transient     Throttled, transient
//	2xx that can't be read         Uncertain, final         Unavailable, transient   Unreadable, needsPerson
//	anything else                  Uncertain, final         Unavailable, transient   Unavailable, transient
//
// A failure that needs a person is retried slowly. As long as the workflow has not raised attention for it, the retry policy names the type
// as non-retryable; after that the server retries, which adds nothing to the history.
//
// The text of the client's error becomes the message. The error has no cause, which would store the same text again.
func (a *Activities) failure(ctx context.Context, call repetition, pacing pacing, err error) error {
	errType, kind := classify(call, err)
	return a.failureOf(errType, kind, pacing, activity.GetInfo(ctx).Attempt, err)
}

// failureOf does the work of failure for a classified error. attempt, from 1, decides the pause.
func (a *Activities) failureOf(errType string, kind retryKind, pacing pacing, attempt int32, err error) error {
	if kind == final {
		return temporal.NewApplicationErrorWithOptions(err.Error(), errType, temporal.ApplicationErrorOptions{NonRetryable: true})
	}
	pace := pacing.transient
	if kind == needsPerson {
		pace = pacing.needsPerson
	}
	delay := pace.afterFailure(attempt, retryAfter(err), a.random())
	message := err.Error()
	if kind == transient {
		// A failure that needs a person may not be retried at all, so its message names no next attempt.
		message += "; next attempt in " + delay.Round(time.Second).String()
	}
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
}

// retryAfter returns the pause that the response asked for, or 0.
func retryAfter(err error) time.Duration {
	var apiErr *offloadapi.Error
	if errors.As(err, &apiErr) {
		return apiErr.RetryAfter
	}
	return 0
}

// classify returns the error type and the kind of retry. It checks special cases first: a 401 is also ErrRefused.
func classify(call repetition, err error) (string, retryKind) {
	switch {
	case errors.Is(err, errUnknownAccount):
		return workflows.ErrTypeOffloadUnknownAccount, needsPerson
	case errors.Is(err, offloadapi.ErrInvalidArgument):
		return workflows.ErrTypeOffloadInvalidRequest, final
	case errors.Is(err, offloadapi.ErrNotSent):
		return workflows.ErrTypeOffloadNotSent, transient
	case errors.Is(err, offloadapi.ErrUnauthorized):
		return workflows.ErrTypeOffloadUnauthorized, needsPerson
	case errors.Is(err, offloadapi.ErrForbidden):
		return workflows.ErrTypeOffloadForbidden, needsPerson
	case errors.Is(err, offloadapi.ErrNotFound):
		return workflows.ErrTypeOffloadNotFound, needsPerson
	case errors.Is(err, offloadapi.ErrUsageLimit):
		return workflows.ErrTypeOffloadUsageLimit, needsPerson
	case errors.Is(err, offloadapi.ErrThrottled):
		return workflows.ErrTypeOffloadThrottled, transient
	case call == caseRead && errors.Is(err, offloadapi.ErrRefused):
		// Unlike the other requests, a read of a case has nothing to correct: Offload, or a proxy before it, has to accept it again.
		return workflows.ErrTypeOffloadUnreadable, needsPerson
	case errors.Is(err, offloadapi.ErrRefused):
		return workflows.ErrTypeOffloadInvalidRequest, final
	case call == caseRead && (errors.Is(err, offloadapi.ErrInvalidResponse) || errors.Is(err, offloadapi.ErrResponseTooLarge)):
		return workflows.ErrTypeOffloadUnreadable, needsPerson
	case call != neverRepeat:
		return workflows.ErrTypeOffloadUnavailable, transient
	}
	return workflows.ErrTypeOffloadUncertain, final
}

// errUnknownAccount says that the name is wrong, or that this worker's configuration lacks the account.
var errUnknownAccount = errors.New("this worker has no such Offload account")

func (a *Activities) account(name string) (*offloadapi.Client, error) {
	client, ok := a.accounts[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", errUnknownAccount, name)
	}
	return client, nil
}

// reportMargin is the part of an attempt's time that is reserved to report the result to the server. If the report came too late, even a
// successful attempt would be uncertain.
const reportMargin = 2 * time.Second

// callContext bounds a call so that it ends before the deadline of its attempt.
func callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	info := activity.GetInfo(ctx)
	margin := min(reportMargin, info.Deadline.Sub(info.StartedTime)/4)
	return context.WithDeadline(ctx, info.Deadline.Add(-margin))
}
