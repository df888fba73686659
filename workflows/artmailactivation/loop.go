package artmailactivation

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// live is the life of the activation: take in what happened, carry out what follows, wait.
//
// Between takeIn, which empties the channels, and a return nothing yields, so no signal is left behind. One that arrives at that very moment makes
// the server refuse the end of the run, and the task runs again from takeIn.
func (r *run) live() (workflows.ActivationState, error) {
	for {
		r.takeIn()
		fx := lifecycle.Next(r.a, r.Now())
		if err := r.publish(); err != nil {
			return workflows.ActivationState{}, err
		}
		switch {
		case fx.Done && r.canEnd():
			return r.result()
		case !fx.Done && r.canEnd() && r.WantsNewRun():
			return workflows.ActivationState{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.ActivationState{}, err
		}
	}
}

// takeIn lets the rules have everything that happened since the last turn.
func (r *run) takeIn() {
	r.Turn()
	r.receive()
	if r.TakeCancel() {
		r.apply(lifecycle.Stop(r.a, r.Now()), nil)
	}
	r.collect()
	r.apply(lifecycle.Tick(r.a, r.Now()))
}

// receive applies the events of several signals together: what is at hand together is ordered by the provider's times.
func (r *run) receive() {
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
		r.optionsCame = true
		r.Step(1)
	}
}

// hasWork is true when takeIn has something to take in, or when a call that held back a return is done.
func (r *run) hasWork() bool {
	return r.HasWork() || r.events.Len() > 0 || r.touches.Len() > 0 || r.options.Len() > 0 || r.handOff.Done() || r.anyCheckDone()
}

// canEnd is true when the run may end: no hand-off is under way, and each update is answered. A check and a timer may be lost: the carried state
// starts them again.
func (r *run) canEnd() bool { return r.CanEnd() && !r.handOff.Running() }

func (r *run) result() (workflows.ActivationState, error) {
	if r.a.State.Ended.Stopped {
		return workflows.ActivationState{}, temporal.NewCanceledError("cancelled; at Artmail the activation may live on")
	}
	return lifecycle.View(r.a), nil
}

// continueAsNew ends this run for the next. The server drops the checks with the run. Due times are carried as absolute times.
func (r *run) continueAsNew() error {
	return r.ContinueAsNew(workflows.ArtmailActivationWorkflow, Input{ActivationStart: r.a.Start, Carried: &r.a.State})
}
