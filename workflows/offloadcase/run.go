package offloadcase

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// run is one run of the workflow: the case, and beside it what does not outlive the run.
type run struct {
	// ctx is disconnected from the workflow's own context: cancelling the workflow means the update "cancel", and the end still has
	// to be told. asked is the workflow's own, and only says that it was cancelled.
	ctx   workflow.Context
	asked workflow.Context
	c     lifecycle.Case

	events workflow.ReceiveChannel
	force  workflow.ReceiveChannel

	create, look, reconcile, answer, reply call
	files                                  []storing
	// What the calls above were started with, as far as it can change while they are under way.
	reconcileParams workflows.ReconcileCaseParams
	answerParams    workflows.ProvideInputParams
	replyID         string
	timer           alarm

	published published
	// touched: an update changed the case since the loop last looked.
	touched        bool
	cancelSeen     bool
	continueForced bool
	// steps counts what this run took in; continueAfter, where it isn't 0, is how much that may be.
	steps         int
	continueAfter int
}

func newRun(asked workflow.Context, start workflows.CaseStart, carried *lifecycle.State, continueAfter int) *run {
	ctx, _ := workflow.NewDisconnectedContext(asked)
	r := &run{
		ctx: ctx, asked: asked, continueAfter: continueAfter,
		events: workflow.GetSignalChannel(ctx, workflows.SignalOffloadEvents),
		force:  workflow.GetSignalChannel(ctx, workflows.SignalForceContinueAsNew),
	}
	if carried == nil {
		r.c = lifecycle.Begin(start, r.now())
	} else {
		r.c = lifecycle.Case{Start: start, State: *carried}
	}
	r.published = readPublished(ctx)
	return r
}

// live is the life of the case: take in what happened, carry out what follows, wait.
//
// Between takeIn, which empties the channels, and a return nothing yields, so no signal is left behind. One that arrives at that very
// moment makes the server refuse the end of the run, and the task runs again from takeIn.
func (r *run) live() (workflows.CaseOutcome, error) {
	for {
		r.takeIn()
		fx := lifecycle.Next(r.c, r.now())
		r.publish()
		switch {
		case fx.Ended && len(fx.Files) == 0 && r.nothingToLose() && len(r.c.State.Outbox) == 0:
			return lifecycle.Outcome(r.c), nil
		case (!fx.Ended || len(fx.Files) > 0) && r.nothingToLose() && r.wantsNewRun():
			return workflows.CaseOutcome{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.ctx, r.happened); err != nil {
			return workflows.CaseOutcome{}, err
		}
	}
}

// takeIn lets the rules have everything that happened since the last time.
func (r *run) takeIn() {
	r.touched = false
	r.receive()
	if r.asked.Err() != nil && !r.cancelSeen {
		r.cancelSeen = true
		r.take(lifecycle.Cancel(r.c, workflows.CancelCase{Reason: "the workflow was cancelled in Temporal"}, r.now()))
	}
	r.collect()
	if r.timer.rang() {
		r.timer = alarm{}
		r.steps++
	}
	r.c = lifecycle.Tick(r.c, r.now())
}

func (r *run) receive() {
	var events []workflows.CaseEvent
	for r.events.ReceiveAsync(&events) {
		for _, e := range events {
			r.take(lifecycle.Receive(r.c, e, r.now()))
		}
		events = nil
	}
	for r.force.ReceiveAsync(nil) {
		r.continueForced = true
	}
}

// take makes the rules' answer the case and counts the step.
func (r *run) take(next lifecycle.Case) {
	r.count(next)
	r.c = next
	r.steps++
}

// happened is true when takeIn has something to take in, or when what held back a return is done.
func (r *run) happened() bool {
	return r.touched || r.events.Len() > 0 || r.force.Len() > 0 || r.asked.Err() != nil && !r.cancelSeen ||
		r.create.done() || r.look.done() || r.reconcile.done() || r.answer.done() || r.reply.done() || r.timer.rang() ||
		slices.ContainsFunc(r.files, func(f storing) bool { return f.done() })
}

// nothingToLose is true when the run may end: no call is under way whose result must be known, and each update is answered. A look, a
// reconcile, a file and a timer may be lost: the carried state starts them again, and a file has one place only.
func (r *run) nothingToLose() bool {
	return !r.create.running() && !r.answer.running() && !r.reply.running() && workflow.AllHandlersFinished(r.ctx)
}

func (r *run) wantsNewRun() bool {
	return r.continueForced || workflow.GetInfo(r.ctx).GetContinueAsNewSuggested() ||
		r.continueAfter > 0 && r.steps >= r.continueAfter
}

// continueAsNew is the one place that ends a run for the next. Due times are carried as absolute times; a reconcile or a file under way is
// cancelled and starts again with its own.
func (r *run) continueAsNew() error {
	r.reconcile.giveUp()
	r.look.giveUp()
	for i := range r.files {
		r.files[i].giveUp()
	}
	return workflow.NewContinueAsNewError(r.asked, workflows.OffloadCaseWorkflow, Input{CaseStart: r.c.Start, Carried: &r.c.State})
}

func (r *run) now() time.Time { return workflow.Now(r.ctx).UTC() }
