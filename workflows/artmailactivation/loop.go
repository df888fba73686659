package artmailactivation

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// live is the life of the activation. Nothing between takeIn and the two ways out yields, or a signal that came meanwhile would be lost with
// the run.
func (r *run) live() (workflows.ActivationState, error) {
	for {
		r.Turn()
		r.takeIn()
		effects := lifecycle.Next(r.activation, r.Now())
		if err := r.publish(); err != nil {
			return workflows.ActivationState{}, err
		}

		leaving := r.WantsNewRun() && !effects.Ended
		switch {
		case effects.Ended && r.canEnd():
			return r.result()
		case leaving && r.canEnd():
			return workflows.ActivationState{}, r.continueAsNew()
		case !leaving:
			r.carryOut(effects)
		}
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.ActivationState{}, fmt.Errorf("wait for what comes next: %w", err)
		}
	}
}

// takeIn applies what happened since the last turn.
func (r *run) takeIn() {
	r.receive()
	if r.TakeCancel() {
		r.activation = lifecycle.Stop(r.activation, r.Now())
	}
	r.collect()
	var notes []lifecycle.Note
	r.activation, notes = lifecycle.Tick(r.activation, r.Now())
	r.log(notes)
}

// receive applies the signals that are there. The events of several signals are applied together: what is at hand together is ordered by the
// provider's times.
func (r *run) receive() {
	now := r.Now()
	var events []workflows.ActivationEvent
	for _, more := range entity.Drain[[]workflows.ActivationEvent](r.events) {
		events = append(events, more...)
	}
	if len(events) > 0 {
		r.Step(len(events))
		var notes []lifecycle.Note
		r.activation, notes = lifecycle.Receive(r.activation, events, now)
		r.log(notes)
	}
	for _, touch := range entity.Drain[workflows.TouchRuns](r.touches) {
		r.Step(1)
		r.activation = lifecycle.TouchRuns(r.activation, touch, now)
	}
	for _, options := range entity.Drain[workflows.ActivationOptions](r.options) {
		r.Step(1)
		r.activation = lifecycle.Configure(r.activation, options)
		r.optionsTold = true
	}
}

// hasWork says whether there is anything to take in.
func (r *run) hasWork() bool {
	return r.HasWork() || r.events.Len() > 0 || r.touches.Len() > 0 || r.options.Len() > 0 || r.handOff.Done() || r.anyCheckDone()
}

// canEnd says whether the run may end: a hand-off that is under way would be lost with it. A check is repeated by the next run.
func (r *run) canEnd() bool { return r.CanEnd() && !r.handOff.Running() }

func (r *run) result() (workflows.ActivationState, error) {
	if r.activation.State.Ended.Stopped {
		return workflows.ActivationState{}, temporal.NewCanceledError("cancelled; at Artmail the activation may live on")
	}
	return lifecycle.View(r.activation), nil
}

func (r *run) continueAsNew() error {
	return r.ContinueAsNew(workflows.ArtmailActivationWorkflow, Input{
		ActivationStart: r.activation.Start,
		Carried:         &Carried{Version: versionNow, State: r.activation.State},
	})
}
