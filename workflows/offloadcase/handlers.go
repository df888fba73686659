package offloadcase

import (
	"errors"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// registerHandlers registers the query and the updates before the run first yields; a handler that is registered later could miss an early update.
// Handlers change the case and return; the loop does the work.
func (r *run) registerHandlers() error {
	return errors.Join(
		entity.HandleState(r.Run, "Where the case stands, what it waits for and what it has seen",
			func() workflows.CaseState { return lifecycle.View(r.c) }),
		// Lazily: an answer that comes together with the end of its case is accepted.
		entity.HandleUpdateLazily(r.Run, workflows.UpdateProvideInput, "Answer the open question",
			func(in workflows.ProvideInput) error { return lifecycle.CheckProvideInput(r.c, in) }, r.provideInput),
		entity.HandleUpdate(r.Run, workflows.UpdateAdoptCase, "Say which case at Offload belongs to the reference",
			func(in workflows.AdoptCase) error { return lifecycle.CheckAdopt(r.c, in) }, r.adopt),
		entity.HandleUpdate(r.Run, workflows.UpdateRetryCreate, "Create the case again, even if one may exist already",
			func(in workflows.RetryCreate) error { return lifecycle.CheckRetryCreate(r.c, in) }, r.retryCreate),
		entity.HandleUpdate(r.Run, workflows.UpdateCancel, "End the case here; at Offload it goes on",
			func(in workflows.CancelCase) error { return lifecycle.CheckCancel(r.c, in) }, r.cancel),
	)
}

// applyWaiting is entity.Run's ApplyWaiting.
func (r *run) applyWaiting() {
	r.applySignals()
	r.applyResults()
}

func (r *run) provideInput(in workflows.ProvideInput) workflows.InputReceipt {
	now := r.Now()
	r.apply(lifecycle.ProvideInput(r.c, in, now))
	return workflows.InputReceipt{QuestionID: in.QuestionID, GivenAt: now}
}

func (r *run) adopt(in workflows.AdoptCase) workflows.CaseReceipt {
	r.apply(lifecycle.Adopt(r.c, in))
	return r.receipt()
}

func (r *run) retryCreate(in workflows.RetryCreate) workflows.CaseReceipt {
	r.apply(lifecycle.RetryCreate(r.c, in, r.Now()))
	return r.receipt()
}

func (r *run) cancel(in workflows.CancelCase) workflows.CaseReceipt {
	r.apply(lifecycle.Cancel(r.c, in, r.Now()))
	return r.receipt()
}

func (r *run) receipt() workflows.CaseReceipt {
	return workflows.CaseReceipt{Status: r.c.State.Status, Verifying: r.c.State.Verifying}
}
