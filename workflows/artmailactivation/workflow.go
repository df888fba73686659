package artmailactivation

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// Input is the workflow's input. The relay sends the ActivationStart only; Carried is set when the activation continues as new.
type Input struct {
	workflows.ActivationStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is the workflow; register it as workflows.ArtmailActivationWorkflow. When the activation has ended and all notices are handed
// off, it returns the last state, without the API key. An invalid start is an error of type workflows.ErrTypeInvalidArgument or
// workflows.ErrTypeWorkflowID.
func Workflow(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
	return execute(ctx, in, 0)
}

// ContinuingAfter returns a Workflow that continues as new after the given number of steps (events, results of calls, updates, due times). Tests
// use it to find state that is not carried over.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.ActivationState, error) {
	return func(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
		return execute(ctx, in, steps)
	}
}

// run is one run of the workflow: the activation, and the parts that a run loses at its end.
type run struct {
	*entity.Run
	a lifecycle.Activation

	events  workflow.ReceiveChannel
	touches workflow.ReceiveChannel
	options workflow.ReceiveChannel

	reconciles []reconcile
	handOff    entity.HandOff
	// memoOutdated: the memo does not show the newest options yet.
	memoOutdated bool
}

// execute runs the whole workflow and returns its result.
func execute(ctx workflow.Context, in Input, continueAfter int) (workflows.ActivationState, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.events = workflow.GetSignalChannel(r.Ctx, workflows.SignalArtmailEvents)
	r.touches = workflow.GetSignalChannel(r.Ctx, workflows.SignalTouchRuns)
	r.options = workflow.GetSignalChannel(r.Ctx, workflows.SignalActivationOptions)
	r.HasNews, r.ApplyWaiting = r.hasNews, r.applyWaiting
	if in.Carried == nil {
		if err := r.begin(in.ActivationStart); err != nil {
			return workflows.ActivationState{}, err
		}
	} else {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.a = lifecycle.Restore(in.ActivationStart, *in.Carried)
	}
	r.a.State.Version = r.BeginVersion(versionCurrent)
	if err := r.registerHandlers(); err != nil {
		return workflows.ActivationState{}, err
	}
	return r.loop()
}

// begin checks the start and begins the activation. Only the first run checks its start: an accepted activation goes on, even if newer code
// has stricter limits.
func (r *run) begin(start workflows.ActivationStart) error {
	err := workflows.ValidateAgent(start.Agent)
	if err == nil {
		err = workflows.ValidateActivationID(start.ActivationID)
	}
	if err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, nil)
	}
	if err := r.CheckID(workflows.ArtmailActivationWorkflowID(start.Agent, start.ActivationID)); err != nil {
		return err
	}
	r.a = lifecycle.Begin(start, r.Now())
	return nil
}
