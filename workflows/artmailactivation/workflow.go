package artmailactivation

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Input is the workflow's input: a workflows.ActivationStart as the relay sends it, and from the second run on what the run before
// carried over.
type Input struct {
	workflows.ActivationStart
	Carried *Carried `json:"carried,omitempty"`
}

// Carried is what goes from run to run.
type Carried struct {
	// Version is that of the run which carries it.
	Version int             `json:"version"`
	State   lifecycle.State `json:"state"`
}

// Workflow is registered under workflows.ArtmailActivationWorkflow. It returns when the activation has ended and every notice is handed off:
// the last state, without the API key.
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

// run is one run of the workflow. Only activation goes on to the next.
type run struct {
	*entity.Run
	activation lifecycle.Activation

	events  workflow.ReceiveChannel
	touches workflow.ReceiveChannel
	options workflow.ReceiveChannel

	checks  []check
	handOff entity.HandOff
	// optionsTold: options came, and the memo is to show them.
	optionsTold bool
}

// start registers the handlers before anything can yield: what came before them would be missed.
func start(ctx workflow.Context, in Input, continueAfter int) (workflows.ActivationState, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	if err := r.restore(in); err != nil {
		return workflows.ActivationState{}, err
	}
	if err := r.handle(); err != nil {
		return workflows.ActivationState{}, err
	}
	return r.live()
}

// restore checks the input in the first run only: what was accepted once goes on under newer limits.
func (r *run) restore(in Input) error {
	if in.Carried != nil {
		entity.CheckVersion(in.Carried.Version, versionNow)
		r.activation = lifecycle.Restore(in.ActivationStart, in.Carried.State)
		return nil
	}
	if err := workflows.ValidateAgent(in.Agent); err != nil {
		return entity.Refused(rules.Invalid("%s", err))
	}
	if err := workflows.ValidateActivationID(in.ActivationID); err != nil {
		return entity.Refused(rules.Invalid("%s", err))
	}
	r.activation = lifecycle.New(in.ActivationStart, r.Now())
	return r.CheckID(lifecycle.Source(r.activation))
}
