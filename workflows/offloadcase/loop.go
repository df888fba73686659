package offloadcase

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// loop runs the case: apply the news, start and stop calls, wait.
//
// Between applyNews, which empties the signal channels, and a return, the coroutine never yields, so no signal is lost. If a signal
// arrives at that moment, the server refuses the end of the run, and the task runs again from applyNews.
func (r *run) loop() (workflows.CaseOutcome, error) {
	for {
		r.applyNews()
		fx := lifecycle.Next(r.c, r.Now())
		r.publish()
		switch {
		case fx.Done && r.canEnd():
			return lifecycle.Outcome(r.c), nil
		case !fx.Done && !fx.Creating && r.canEnd() && r.WantsNewRun():
			return workflows.CaseOutcome{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.CaseOutcome{}, err
		}
	}
}

// applyNews applies everything that happened since the last turn. An end that Offload has reported comes before a cancellation.
func (r *run) applyNews() {
	r.Turn()
	r.applySignals()
	r.applyResults()
	r.applyRequests()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.c, workflows.CancelCase{Reason: "the workflow was cancelled in Temporal"}, r.Now()))
	}
	r.apply(lifecycle.Tick(r.c, r.Now()))
}

func (r *run) applySignals() {
	for _, events := range entity.Drain[[]workflows.CaseEvent](r.events) {
		for _, e := range events {
			next, result := lifecycle.Receive(r.c, e, r.Now())
			r.apply(next)
			r.CountEvent(result, e.ReceivedAt)
			r.Step(1)
		}
	}
}

// applyRequests applies what people ask for. A creation whose result came in the same task is applied before, or the request would find no case.
func (r *run) applyRequests() {
	for _, request := range entity.Drain[workflows.ReconcileNow](r.reconcileNow) {
		r.apply(lifecycle.ReconcileNow(r.c, request, r.Now()))
		r.Step(1)
	}
}

// hasWork reports whether there is news to apply, or a call has ended that the end of the run waited for.
func (r *run) hasWork() bool {
	return r.HasWork() || r.hasNews() || r.reconcileNow.Len() > 0 || r.resultCheck.Done() || r.handOff.Done()
}

// hasNews reports whether events, or results of calls to Offload, wait to be applied. Both may lift a refusal: a creation under way may end, and
// a read may bring the question.
func (r *run) hasNews() bool {
	return r.events.Len() > 0 || r.create.Done() || r.answer.Done() || r.read.Done() || r.reconcile.Done()
}

// canEnd reports whether the run may end: every update is answered, and no call is running whose result must be known. A read, a
// reconcile and a timer may be lost: the next run starts them again from the carried state.
func (r *run) canEnd() bool {
	return r.CanEnd() && !r.create.Running() && !r.answer.Running() && !r.resultCheck.Running() && !r.handOff.Running()
}

// continueAsNew returns the error that starts the next run. The server drops a running read and reconcile with this run, and the next run starts
// them again; cancelling them shows that in the history. Due times are carried over as absolute times.
func (r *run) continueAsNew() error {
	r.reconcile.Drop()
	r.read.Drop()
	return r.ContinueAsNew(workflows.OffloadCaseWorkflow, Input{CaseStart: r.c.Start, Carried: &r.c.State})
}
