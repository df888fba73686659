package offloadcase

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// handle sets up the query and the updates, before the run yields for the first time: a handler that is registered later can miss
// what is there already. Handlers change the case and return; the loop does the work.
func (r *run) handle() error {
	err := workflow.SetQueryHandlerWithOptions(r.ctx, workflows.QueryState,
		func() (workflows.CaseState, error) { return lifecycle.View(r.c), nil },
		workflow.QueryHandlerOptions{Description: "Where the case stands, what it waits for and what it has seen"})
	if err != nil {
		return fmt.Errorf("set query %s: %w", workflows.QueryState, err)
	}
	return errors.Join(r.handleProvideInput(), r.handleAdoptCase(), r.handleRetryCreate(), r.handleCancel())
}

func (r *run) handleProvideInput() error {
	handler := func(_ workflow.Context, input workflows.ProvideInput) (workflows.InputReceipt, error) {
		now := r.now()
		r.change(lifecycle.ProvideInput(r.c, input, now))
		return workflows.InputReceipt{QuestionID: input.QuestionID, GivenAt: now}, nil
	}
	validator := func(input workflows.ProvideInput) error { return refusal(lifecycle.CheckInput(r.c, input)) }
	return r.setUpdate(workflows.UpdateProvideInput, handler, validator, "Answer the open question")
}

func (r *run) handleAdoptCase() error {
	handler := func(_ workflow.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error) {
		r.change(lifecycle.Adopt(r.c, adopt, r.now()))
		return r.receipt(), nil
	}
	validator := func(adopt workflows.AdoptCase) error { return refusal(lifecycle.CheckAdopt(r.c, adopt)) }
	return r.setUpdate(workflows.UpdateAdoptCase, handler, validator, "Say which case at Offload belongs to the reference")
}

func (r *run) handleRetryCreate() error {
	handler := func(_ workflow.Context, again workflows.RetryCreate) (workflows.CaseReceipt, error) {
		r.change(lifecycle.RetryCreate(r.c, again, r.now()))
		return r.receipt(), nil
	}
	validator := func(again workflows.RetryCreate) error { return refusal(lifecycle.CheckRetryCreate(r.c, again)) }
	return r.setUpdate(workflows.UpdateRetryCreate, handler, validator, "Create the case again, whatever may exist already")
}

func (r *run) handleCancel() error {
	handler := func(_ workflow.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error) {
		r.change(lifecycle.Cancel(r.c, cancel, r.now()))
		return r.receipt(), nil
	}
	validator := func(workflows.CancelCase) error { return refusal(lifecycle.CheckCancel(r.c)) }
	return r.setUpdate(workflows.UpdateCancel, handler, validator, "End the case here; at Offload it goes on")
}

func (r *run) setUpdate(name string, handler, validator any, description string) error {
	err := workflow.SetUpdateHandlerWithOptions(r.ctx, name, handler, workflow.UpdateHandlerOptions{Validator: validator, Description: description})
	if err != nil {
		return fmt.Errorf("set update %s: %w", name, err)
	}
	return nil
}

func (r *run) change(next lifecycle.Case) {
	r.take(next)
	r.touched = true
}

func (r *run) receipt() workflows.CaseReceipt { return workflows.CaseReceipt{Status: r.c.State.Status} }

// refusal keeps the type for whoever sent the update. It can't be retried: the same update would be refused again.
func refusal(why *lifecycle.Refusal) error {
	if why == nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(why.Message, why.Type, nil)
}
