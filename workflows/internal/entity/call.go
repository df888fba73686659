package entity

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Call is an activity in flight and what it was started with; its zero value is none.
type Call[P, R any] struct {
	Params P

	future   workflow.Future
	cancel   workflow.CancelFunc
	givingUp bool
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

// Running says whether the call was started and its result not taken.
func (c *Call[P, R]) Running() bool { return c.future != nil }

// Done says whether a result waits to be taken.
func (c *Call[P, R]) Done() bool { return c.future != nil && c.future.IsReady() }

// GiveUp asks once for the end of the call; its result says how it ended.
func (c *Call[P, R]) GiveUp() {
	if c.future != nil && !c.givingUp {
		c.givingUp = true
		c.cancel()
	}
}

// Drop gives the call up and forgets it: its result does not matter.
func (c *Call[P, R]) Drop() {
	c.GiveUp()
	*c = Call[P, R]{}
}

// Take returns the result and forgets the call. failure is nil where it succeeded.
func (c *Call[P, R]) Take(ctx workflow.Context) (params P, result R, failure *rules.Failure) {
	params, result, err := c.TakeError(ctx)
	if err != nil {
		f := Failure(err)
		failure = &f
	}
	return params, result, failure
}

// TakeRepeatable is Take for a call that may be repeated: its failure is the LastFailure.
func (c *Call[P, R]) TakeRepeatable(ctx workflow.Context) (params P, result R, failure *rules.Failure) {
	params, result, err := c.TakeError(ctx)
	if err != nil {
		f := LastFailure(err)
		failure = &f
	}
	return params, result, failure
}

// TakeError is Take for a caller that reads more of the error than its type and message.
func (c *Call[P, R]) TakeError(ctx workflow.Context) (params P, result R, err error) {
	err = c.future.Get(ctx, &result)
	params = c.Params
	*c = Call[P, R]{}
	return params, result, err
}

// Failure translates how an activity failed:
//
//	timeout                  no type: nothing is known of the last attempt, whatever the one before it said
//	application error        its type, which the activities take from the contract
//	cancelled by this run    rules.FailureCancelled
//	anything else            no type
//
// The order matters: the server wraps the failure of an earlier attempt in a timeout, and an activity may name a cancellation as the cause of
// its own error. To take the inner one for the result would let a creation be repeated that went out.
func Failure(err error) rules.Failure {
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch {
	case errors.As(err, &timeout):
		return rules.Failure{Message: "no answer in time (" + timeout.TimeoutType().String() + ")"}
	case errors.As(err, &application):
		return rules.Failure{Type: application.Type(), Message: application.Message()}
	case temporal.IsCanceledError(err):
		return rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"}
	}
	return rules.Failure{Message: err.Error()}
}

// LastFailure is the failure of the last attempt that said why, even where the server stopped waiting for another one. It is for calls that
// may be repeated, where nothing depends on the attempt that was cut off.
func LastFailure(err error) rules.Failure {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return rules.Failure{Type: application.Type(), Message: application.Message()}
	}
	return Failure(err)
}
