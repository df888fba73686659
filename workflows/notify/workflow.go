package notify

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// Input is a workflows.NotifyStart, which is all that a hand-off sends. Carried is set when the workflow continues as new.
type Input struct {
	workflows.NotifyStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is to be registered as workflows.NotifyWorkflow. It returns what it last held. An error of type workflows.ErrTypeWorkflowID says
// that its workflow ID names no source.
func Workflow(ctx workflow.Context, in Input) (workflows.NotifyState, error) {
	return start(ctx, in, 0)
}

// ContinuingAfter is Workflow, except that it continues as new whenever it has taken in that many things (notices, results of deliveries,
// updates, the passing of a due time). Tests use it to find what is not carried.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.NotifyState, error) {
	return func(ctx workflow.Context, in Input) (workflows.NotifyState, error) {
		return start(ctx, in, steps)
	}
}

// run is one run of the workflow: what it carries, and beside it what does not outlive the run.
type run struct {
	*entity.Run
	state   lifecycle.State
	notices workflow.ReceiveChannel
	// deliveries are under way, one for each target at most, in the order in which they began.
	deliveries []delivery
}

func start(ctx workflow.Context, in Input, continueAfter int) (workflows.NotifyState, error) {
	r := &run{Run: entity.Start(ctx, continueAfter), notices: workflow.GetSignalChannel(ctx, workflows.SignalNotices)}
	if in.Carried == nil {
		source, err := r.source()
		if err != nil {
			return workflows.NotifyState{}, err
		}
		r.state = lifecycle.Begin(version, source, r.Now())
	} else {
		entity.CheckVersion(in.Carried.Version, version)
		r.state = *in.Carried
		r.state.Version = version
	}
	if err := r.handle(); err != nil {
		return workflows.NotifyState{}, err
	}
	return r.live()
}

// source is named by the workflow's own ID: a hand-off to another ID would never reach it.
func (r *run) source() (string, error) {
	source, found := strings.CutPrefix(workflow.GetInfo(r.Ctx).WorkflowExecution.ID, workflows.NotifyWorkflowID(""))
	if !found || source == "" {
		return "", r.CheckID(workflows.NotifyWorkflowID("{source workflow ID}"))
	}
	return source, nil
}
