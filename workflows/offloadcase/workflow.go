package offloadcase

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// Input is a workflows.CaseStart, which is all that a client sends. Carried is set when the case continues as new.
type Input struct {
	workflows.CaseStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is to be registered as workflows.OffloadCaseWorkflow. A case that fails is an outcome and no error; an error of type
// workflows.ErrTypeInvalidArgument or workflows.ErrTypeWorkflowID says that the start can't be carried out.
func Workflow(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
	return start(ctx, in, 0)
}

// ContinuingAfter is Workflow, except that it continues as new whenever it has taken in that many things (events, results of activities,
// updates, due times). Tests use it to find what is not carried.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.CaseOutcome, error) {
	return func(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
		return start(ctx, in, steps)
	}
}

// run is one run of the workflow: the case, and beside it what does not outlive the run.
type run struct {
	*entity.Run
	c lifecycle.Case

	events workflow.ReceiveChannel
	checks workflow.ReceiveChannel

	create    createCall
	answer    answerCall
	read      readCall
	reconcile reconcileCall
	handOff   entity.HandOff
}

func start(ctx workflow.Context, in Input, continueAfter int) (workflows.CaseOutcome, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.events = workflow.GetSignalChannel(r.Ctx, workflows.SignalOffloadEvents)
	r.checks = workflow.GetSignalChannel(r.Ctx, workflows.SignalReconcileNow)
	if in.Carried != nil {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.c = lifecycle.Case{Start: in.CaseStart, State: *in.Carried}
	} else {
		begin := in.Normalized()
		if err := begin.Validate(); err != nil {
			return workflows.CaseOutcome{}, temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, nil)
		}
		if err := r.CheckID(workflows.OffloadCaseWorkflowID(begin.Reference)); err != nil {
			return workflows.CaseOutcome{}, err
		}
		r.c = lifecycle.Begin(begin, versionCurrent, r.Now())
	}
	if err := r.handle(); err != nil {
		return workflows.CaseOutcome{}, err
	}
	return r.live()
}
