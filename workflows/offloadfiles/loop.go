package offloadfiles

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// loop runs the storing: apply the news, start and stop calls, wait, until every file is stored or given up and the notice is handed off.
func (r *run) loop() (workflows.CaseFiles, error) {
	for {
		r.applyNews()
		fx := lifecycle.Next(r.f, r.Now())
		r.publish()
		switch {
		case fx.Done && r.canEnd():
			return lifecycle.Result(r.f), nil
		case !fx.Done && r.canEnd() && r.WantsNewRun():
			return workflows.CaseFiles{}, r.continueAsNew()
		}
		r.carryOut(fx)
		if err := workflow.Await(r.Ctx, r.hasWork); err != nil {
			return workflows.CaseFiles{}, err
		}
	}
}

// applyNews applies everything that happened since the last turn. A file that is stored comes before a cancellation.
func (r *run) applyNews() {
	r.Turn()
	r.applyResults()
	if r.TakeCancel() {
		r.apply(lifecycle.Cancel(r.f, workflows.CancelCase{Reason: "the workflow was cancelled in Temporal"}, r.Now()))
	}
	r.apply(lifecycle.Tick(r.f, r.Now()))
}

func (r *run) hasWork() bool {
	return r.HasWork() || r.handOff.Done() || r.result.Done() ||
		slices.ContainsFunc(r.attachments, func(c storeAttachment) bool { return c.Done() })
}

// canEnd reports whether the run may end. A running call may be lost: the next run stores the file again, under the same key.
func (r *run) canEnd() bool { return r.CanEnd() && !r.handOff.Running() }

// continueAsNew returns the error that starts the next run. The server drops running calls with this run, and the next run starts them again;
// cancelling them shows that in the history. Due times are carried over as absolute times.
func (r *run) continueAsNew() error {
	r.result.Drop()
	for i := range r.attachments {
		r.attachments[i].Drop()
	}
	return r.ContinueAsNew(workflows.OffloadFilesWorkflow, Input{FilesStart: r.f.Start, Carried: &r.f.State})
}
