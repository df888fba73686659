package artmailactivation

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// Input is a workflows.ActivationStart, which is all that the relay sends. Carried is set when the activation continues as new.
type Input struct {
	workflows.ActivationStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is registered under workflows.ArtmailActivationWorkflow. It returns when the activation has ended and every notice is handed off:
// the last state, without the API key. An error of type workflows.ErrTypeInvalidArgument or workflows.ErrTypeWorkflowID says that the start can't
// be carried out.
func Workflow(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
	return start(ctx, in, 0)
}

// ContinuingAfter is a Workflow that continues as new after every n things that happen to it. Tests find with it what is forgotten in the
// carried state.
func ContinuingAfter(n int) func(workflow.Context, Input) (workflows.ActivationState, error) {
	return func(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
		return start(ctx, in, n)
	}
}

// run is one run of the workflow: the activation, and beside it what does not outlive the run.
type run struct {
	*entity.Run
	a lifecycle.Activation

	events  workflow.ReceiveChannel
	touches workflow.ReceiveChannel
	options workflow.ReceiveChannel

	checks  []check
	handOff entity.HandOff
	// optionsCame: the memo is to show the options.
	optionsCame bool
}

func start(ctx workflow.Context, in Input, continueAfter int) (workflows.ActivationState, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.events = workflow.GetSignalChannel(r.Ctx, workflows.SignalArtmailEvents)
	r.touches = workflow.GetSignalChannel(r.Ctx, workflows.SignalTouchRuns)
	r.options = workflow.GetSignalChannel(r.Ctx, workflows.SignalActivationOptions)
	if in.Carried != nil {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.a = lifecycle.Restore(in.ActivationStart, *in.Carried)
	} else {
		if err := checkStart(in.ActivationStart); err != nil {
			return workflows.ActivationState{}, err
		}
		if err := r.CheckID(workflows.ArtmailActivationWorkflowID(in.Agent, in.ActivationID)); err != nil {
			return workflows.ActivationState{}, err
		}
		r.a = lifecycle.Begin(in.ActivationStart, versionCurrent, r.Now())
	}
	if err := r.handle(); err != nil {
		return workflows.ActivationState{}, err
	}
	return r.live()
}

// checkStart is for the first run only: what was accepted once goes on under newer limits.
func checkStart(start workflows.ActivationStart) error {
	err := workflows.ValidateAgent(start.Agent)
	if err == nil {
		err = workflows.ValidateActivationID(start.ActivationID)
	}
	if err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, nil)
	}
	return nil
}
