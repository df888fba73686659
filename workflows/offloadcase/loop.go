package offloadcase

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// live is the life of the case: take in what happened, carry out what follows, wait.
//
// Between takeIn, which empties the channels, and a return nothing yields, so no signal is left behind. One that arrives at that very moment makes
// the server refuse the end of the run, and the task runs again from takeIn.
func (r *run) live() (workflows.CaseOutcome, error) {
	for {
		r.takeIn()
		fx := lifecycle.Next(r.c, r.Now())
		r.publish()
		switch {
		case fx.Done && r.canEnd():
			return lifecycle.Outcome(r.c), nil
		case !fx.Done && r.canEnd() && r.WantsNewRun():
			return workflows.CaseOutcome{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.CaseOutcome{}, err
		}
	}
}

// takeIn lets the rules have everything that happened since the last turn.
func (r *run) takeIn() {
	r.Turn()
	r.receive()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.c, workflows.CancelCase{Reason: "the workflow was cancelled in Temporal"}, r.Now()))
	}
	r.collect()
	r.apply(lifecycle.Tick(r.c, r.Now()))
}

func (r *run) receive() {
	for _, events := range entity.Drain[[]workflows.CaseEvent](r.events) {
		for _, e := range events {
			before := r.c.State
			r.apply(lifecycle.Receive(r.c, e, r.Now()))
			r.CountEvent(lifecycle.ResultOf(before, r.c.State), e.ReceivedAt)
			r.Step(1)
		}
	}
	for _, asked := range entity.Drain[workflows.ReconcileNow](r.readNow) {
		r.apply(lifecycle.ReconcileNow(r.c, asked, r.Now()))
		r.Step(1)
	}
}

// hasWork is true when takeIn has something to take in, or when a call that held back a return is done.
func (r *run) hasWork() bool {
	return r.HasWork() || r.events.Len() > 0 || r.readNow.Len() > 0 ||
		r.create.Done() || r.answer.Done() || r.read.Done() || r.reconcile.Done() || r.check.Done() || r.handOff.Done()
}

// canEnd is true when the run may end: no call is under way whose result must be known, and each update is answered. A read, a reconcile and a
// timer may be lost: the carried state starts them again.
func (r *run) canEnd() bool {
	return r.CanEnd() && !r.create.Running() && !r.answer.Running() && !r.check.Running() && !r.handOff.Running()
}

// continueAsNew ends this run for the next. Due times are carried as absolute times.
func (r *run) continueAsNew() error {
	r.reconcile.Drop()
	r.read.Drop()
	return r.ContinueAsNew(workflows.OffloadCaseWorkflow, Input{CaseStart: r.c.Start, Carried: &r.c.State})
}
