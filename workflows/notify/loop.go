package notify

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// loop runs the deliveries: apply the news, start and stop deliveries, wait.
//
// Between applyNews, which empties the signal channel, and a return, the coroutine never yields, so no notice is lost. If a notice
// arrives at that moment, the server refuses the end of the run, and the task runs again from applyNews.
func (r *run) loop() (workflows.NotifyState, error) {
	for {
		r.applyNews()
		fx := lifecycle.Next(r.state, r.Now())
		r.publish()
		switch {
		case fx.Done && r.canEnd():
			return lifecycle.View(r.state), nil
		case !fx.Done && r.canEnd() && (r.WantsNewRun() || rules.Due(r.newRunAt, r.Now())):
			return workflows.NotifyState{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.NotifyState{}, err
		}
	}
}

// applyNews applies everything that happened since the last turn.
func (r *run) applyNews() {
	r.Turn()
	r.applySignals()
	r.applyResults()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.state, r.Now()))
	}
}

func (r *run) applySignals() {
	for _, notices := range entity.Drain[[]workflows.AddressedNotice](r.notices) {
		r.apply(lifecycle.Receive(r.state, notices, r.Now()))
		r.Step(len(notices))
	}
}

// apply makes next the current state, and reports the notices that were delivered, given up or dismissed.
func (r *run) apply(next lifecycle.State) {
	r.report(lifecycle.Settled(r.state, next))
	r.state = next
}

func (r *run) hasWork() bool { return r.HasWork() || r.hasNews() }

// hasNews reports whether notices, or results of deliveries, wait to be applied.
func (r *run) hasNews() bool {
	return r.notices.Len() > 0 || slices.ContainsFunc(r.deliveries, func(d delivery) bool { return d.Done() })
}

// canEnd reports whether the run may end. It does not wait for running deliveries, since they may be repeated.
func (r *run) canEnd() bool { return r.CanEnd() }

// continueAsNew returns the error that starts the next run. The server drops running deliveries with this run, and the next run starts them
// again; cancelling them shows that in the history. Due times are carried over as absolute times.
func (r *run) continueAsNew() error {
	r.state = lifecycle.Interrupted(r.state, r.running())
	for i := range r.deliveries {
		r.deliveries[i].Cancel()
	}
	return r.ContinueAsNew(workflows.NotifyWorkflow, Input{Carried: &r.state})
}
