package notify

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// live takes in what happened, carries out what follows, and waits.
//
// Nothing yields between takeIn, which empties the signal channel, and a return, so no notice is left behind. One that arrives at that moment
// makes the server refuse the end of the run, and the task runs again from takeIn.
func (r *run) live() (workflows.NotifyState, error) {
	for {
		r.takeIn()
		effects := lifecycle.Next(r.state, r.Now())
		r.publish()
		switch {
		case effects.Ended && r.canEnd():
			return lifecycle.View(r.state), nil
		case !effects.Ended && r.canEnd() && r.WantsNewRun():
			return workflows.NotifyState{}, r.continueAsNew()
		}
		r.carryOut(effects)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.NotifyState{}, err
		}
	}
}

// takeIn gives the rules everything that happened since the last turn.
func (r *run) takeIn() {
	r.Turn()
	r.receive()
	r.collect()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.state, r.Now()))
	}
}

func (r *run) receive() {
	for _, notices := range entity.Drain[[]workflows.AddressedNotice](r.notices) {
		r.apply(lifecycle.Receive(r.state, notices, r.Now()))
		r.Step(len(notices))
	}
}

// apply makes the rules' answer the state, and reports what was settled.
func (r *run) apply(next lifecycle.State) {
	r.report(lifecycle.Settled(r.state, next))
	r.state = next
}

func (r *run) hasWork() bool {
	if r.HasWork() || r.notices.Len() > 0 {
		return true
	}
	for i := range r.deliveries {
		if r.deliveries[i].Done() {
			return true
		}
	}
	return false
}

// canEnd: deliveries under way need not be waited for, since they may be repeated.
func (r *run) canEnd() bool { return r.CanEnd() }

func (r *run) continueAsNew() error {
	for i := range r.deliveries {
		r.deliveries[i].GiveUp()
	}
	return r.ContinueAsNew(workflows.NotifyWorkflow, Input{Carried: &r.state})
}
