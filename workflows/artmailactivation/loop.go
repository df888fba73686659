package artmailactivation

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// loop runs the activation: apply the news, start and stop calls, wait.
//
// Between applyNews, which empties the signal channels, and a return, the coroutine never yields, so no signal is lost. If a signal
// arrives at that moment, the server refuses the end of the run, and the task runs again from applyNews.
func (r *run) loop() (workflows.ActivationState, error) {
	for {
		r.applyNews()
		fx := lifecycle.Next(r.a, r.Now())
		if err := r.publish(); err != nil {
			return workflows.ActivationState{}, err
		}
		switch {
		case fx.Done && r.canEnd():
			return r.outcome()
		case !fx.Done && r.canEnd() && r.WantsNewRun():
			return workflows.ActivationState{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.ActivationState{}, err
		}
	}
}

// applyNews applies everything that happened since the last turn. An answer of Artmail, by webhook or by reconcile, comes before a cancellation.
func (r *run) applyNews() {
	r.Turn()
	r.applySignals()
	r.applyResults()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.a, r.Now()), nil)
	}
	r.apply(lifecycle.Tick(r.a, r.Now()))
}

// applySignals applies the events of several signals together, so that the provider's times order them.
func (r *run) applySignals() {
	var events []workflows.ActivationEvent
	for _, more := range entity.Drain[[]workflows.ActivationEvent](r.events) {
		events = append(events, more...)
	}
	if len(events) > 0 {
		r.apply(lifecycle.Receive(r.a, events, r.Now()))
		r.Step(len(events))
	}
	for _, touch := range entity.Drain[workflows.TouchRuns](r.touches) {
		r.apply(lifecycle.TouchRuns(r.a, touch, r.Now()), nil)
		r.Step(1)
	}
	for _, options := range entity.Drain[workflows.ActivationOptions](r.options) {
		r.apply(lifecycle.Configure(r.a, options), nil)
		r.memoOutdated = true
		r.Step(1)
	}
}

// hasWork reports whether there is news to apply, or a call has ended that the end of the run waited for.
func (r *run) hasWork() bool {
	return r.HasWork() || r.hasNews() || r.touches.Len() > 0 || r.options.Len() > 0 || r.anyReconcileDone() || r.handOff.Done()
}

// hasNews reports whether events wait to be applied. Only they may lift a refusal: the one that the activation is paused.
func (r *run) hasNews() bool { return r.events.Len() > 0 }

// canEnd reports whether the run may end: every update is answered, and no hand-off is running. A reconcile and a timer may be lost: the
// next run starts them again from the carried state.
func (r *run) canEnd() bool { return r.CanEnd() && !r.handOff.Running() }

// outcome returns the result of the workflow.
func (r *run) outcome() (workflows.ActivationState, error) {
	if r.a.State.Ended.Cancelled {
		return workflows.ActivationState{}, temporal.NewCanceledError("cancelled in Temporal; at Artmail the activation may still be active")
	}
	return lifecycle.View(r.a), nil
}

// continueAsNew returns the error that starts the next run. The server drops running reconciles with this run, and the next run starts
// them again. Due times are carried over as absolute times.
func (r *run) continueAsNew() error {
	return r.ContinueAsNew(workflows.ArtmailActivationWorkflow, Input{ActivationStart: r.a.Start, Carried: &r.a.State})
}
