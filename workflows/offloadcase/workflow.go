package offloadcase

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// Input is the workflow's input. Clients send the CaseStart only; Carried is set when the case continues as new.
type Input struct {
	workflows.CaseStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is the workflow; register it as workflows.OffloadCaseWorkflow. A failed case is an outcome, not an error. An invalid start is
// an error of type workflows.ErrTypeInvalidArgument or workflows.ErrTypeWorkflowID.
func Workflow(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
	return execute(ctx, in, 0)
}

// ContinuingAfter returns a Workflow that continues as new after the given number of steps (events, results of calls, updates, due times). Tests
// use it to find state that is not carried over.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.CaseOutcome, error) {
	return func(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
		return execute(ctx, in, steps)
	}
}

// run is one run of the workflow: the case, and the parts that a run loses at its end.
type run struct {
	*entity.Run
	c lifecycle.Case

	events       workflow.ReceiveChannel
	reconcileNow workflow.ReceiveChannel

	create      createCall
	answer      answerCall
	read        readCall
	reconcile   reconcileCall
	resultCheck resultCheckCall
	handOff     entity.HandOff
}

// execute runs the whole workflow and returns its result.
func execute(ctx workflow.Context, in Input, continueAfter int) (workflows.CaseOutcome, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.events = workflow.GetSignalChannel(r.Ctx, workflows.SignalOffloadEvents)
	r.reconcileNow = workflow.GetSignalChannel(r.Ctx, workflows.SignalReconcileNow)
	r.HasNews, r.ApplyWaiting = r.hasNews, r.applyWaiting
	if in.Carried == nil {
		if err := r.begin(in.Normalized()); err != nil {
			return workflows.CaseOutcome{}, err
		}
	} else {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.c = lifecycle.Restore(in.CaseStart, *in.Carried)
	}
	r.c.State.Version = r.BeginVersion(versionCurrent)
	if err := r.registerHandlers(); err != nil {
		return workflows.CaseOutcome{}, err
	}
	return r.loop()
}

// begin checks the start and begins the case. Only the first run checks its start: a running case goes on, even if newer code has stricter
// limits.
func (r *run) begin(start workflows.CaseStart) error {
	if err := start.Validate(); err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, nil)
	}
	if err := r.CheckID(workflows.OffloadCaseWorkflowID(start.Reference)); err != nil {
		return err
	}
	r.c = lifecycle.Begin(start, workflow.GetInfo(r.Ctx).WorkflowStartTime.UTC(), r.Now())
	return nil
}
