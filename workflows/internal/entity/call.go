package entity

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Call is a running activity and its parameters; the zero value is none.
type Call[P, R any] struct {
	Params P

	future    workflow.Future
	cancel    workflow.CancelFunc
	cancelled bool
}

// Execute starts an activity. The context carries its options.
func Execute[P, R any](ctx workflow.Context, activity string, params P) Call[P, R] {
	ctx, cancel := workflow.WithCancel(ctx)
	return Call[P, R]{Params: params, future: workflow.ExecuteActivity(ctx, activity, params), cancel: cancel}
}

// ExecuteLocal starts a local activity. The context carries its options.
func ExecuteLocal[P, R any](ctx workflow.Context, activity string, params P) Call[P, R] {
	ctx, cancel := workflow.WithCancel(ctx)
	return Call[P, R]{Params: params, future: workflow.ExecuteLocalActivity(ctx, activity, params), cancel: cancel}
}

// Running reports whether the call was started and its result is not yet taken.
func (c *Call[P, R]) Running() bool { return c.future != nil }

// Done reports whether a result can be taken.
func (c *Call[P, R]) Done() bool { return c.future != nil && c.future.IsReady() }

// Cancel cancels the call once. The result then says how the call ended.
func (c *Call[P, R]) Cancel() {
	if c.future != nil && !c.cancelled {
		c.cancelled = true
		c.cancel()
	}
}

// Drop cancels the call and forgets it, with its result.
func (c *Call[P, R]) Drop() {
	c.Cancel()
	*c = Call[P, R]{}
}

// Take returns the result and forgets the call. failure is nil if the call succeeded.
func (c *Call[P, R]) Take(ctx workflow.Context) (params P, result R, failure *rules.Failure) {
	params, result, err := c.TakeError(ctx)
	if err != nil {
		f := Failure(err)
		failure = &f
	}
	return params, result, failure
}

// TakeRepeatable is Take for a call that may be repeated: it returns the LastFailure.
func (c *Call[P, R]) TakeRepeatable(ctx workflow.Context) (params P, result R, failure *rules.Failure) {
	params, result, err := c.TakeError(ctx)
	if err != nil {
		f := LastFailure(err)
		failure = &f
	}
	return params, result, failure
}

// TakeError is Take for a caller that needs the whole error.
func (c *Call[P, R]) TakeError(ctx workflow.Context) (params P, result R, err error) {
	err = c.future.Get(ctx, &result)
	params = c.Params
	*c = Call[P, R]{}
	return params, result, err
}

// Failure translates the error of an activity:
//
//	timeout                  no type: the last attempt is unknown, also if an earlier attempt had an error
//	application error        its type, from the contract
//	cancelled by this run    rules.FailureCancelled
//	any other error          no type
//
// The order matters. The server wraps the error of an earlier attempt in a timeout, and an activity may wrap a cancellation in its own
// error. With the inner error, a creation that was sent could be sent again.
func Failure(err error) rules.Failure {
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch {
	case errors.As(err, &timeout):
		return rules.Failure{Message: "no answer in time (" + timeout.TimeoutType().String() + ")"}
	case errors.As(err, &application):
		return failureOf(application)
	case temporal.IsCanceledError(err):
		return rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"}
	}
	return rules.Failure{Message: err.Error()}
}

func failureOf(err *temporal.ApplicationError) rules.Failure {
	return rules.Failure{Type: err.Type(), Message: err.Message(), Final: err.NonRetryable(), RetryAfter: err.NextRetryDelay()}
}

// LastFailure returns the failure of the last attempt that reported one, even if the server then ran into a timeout. It is for calls that
// may be repeated, so that an interrupted attempt does not matter.
func LastFailure(err error) rules.Failure {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return failureOf(application)
	}
	return Failure(err)
}
