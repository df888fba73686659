package entity

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// HandleUpdate registers an update. check refuses it without an event in the history. apply changes the state and returns the update's result.
//
// The SDK calls check before the loop applies what came in the same task: a question may have come with its answer. So a refusal that
// news may lift lets the update pass while news waits. The handler applies the waiting news and checks again, so apply need not check.
func HandleUpdate[In, Out any](r *Run, name, description string, check func(In) error, apply func(In) Out) error {
	return handleUpdate(r, name, description, false, check, apply)
}

// HandleUpdateLazily is HandleUpdate, but its handler applies the waiting news only if check refuses the update without it.
func HandleUpdateLazily[In, Out any](r *Run, name, description string, check func(In) error, apply func(In) Out) error {
	return handleUpdate(r, name, description, true, check, apply)
}

func handleUpdate[In, Out any](r *Run, name, description string, lazily bool, check func(In) error, apply func(In) Out) error {
	handler := func(_ workflow.Context, in In) (out Out, err error) {
		r.Changed()
		if !lazily || check(in) != nil {
			r.ApplyWaiting()
		}
		if err = check(in); err != nil {
			return out, Refused(err)
		}
		return apply(in), nil
	}
	err := workflow.SetUpdateHandlerWithOptions(r.Ctx, name, handler, workflow.UpdateHandlerOptions{
		Description: description,
		Validator: func(in In) error {
			err := check(in)
			if r.mayBeLifted(err) {
				return nil
			}
			return Refused(err)
		},
	})
	if err != nil {
		return fmt.Errorf("set update %s: %w", name, err)
	}
	return nil
}

func (r *Run) mayBeLifted(err error) bool {
	var refusal *rules.Refusal
	return errors.As(err, &refusal) && refusal.UntilNews && r.HasNews()
}

// HandleState registers the query "state".
func HandleState[Out any](r *Run, description string, view func() Out) error {
	err := workflow.SetQueryHandlerWithOptions(r.Ctx, workflows.QueryState,
		func() (Out, error) { return view(), nil }, workflow.QueryHandlerOptions{Description: description})
	if err != nil {
		return fmt.Errorf("set query %s: %w", workflows.QueryState, err)
	}
	return nil
}

// Refused translates a *rules.Refusal into the error on the wire. The error is not retryable: a retry would be refused too.
func Refused(err error) error {
	var r *rules.Refusal
	if errors.As(err, &r) {
		return refused(r.Type, r.Message)
	}
	return err
}

func refused(errType, message string) error {
	return temporal.NewNonRetryableApplicationError(message, errType, nil)
}
