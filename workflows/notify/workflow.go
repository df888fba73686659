package notify

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// Input is the workflow's input. The hand-off sends the NotifyStart only; Carried is set when the workflow continues as new.
type Input struct {
	workflows.NotifyStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is the workflow; register it as workflows.NotifyWorkflow. It returns the notices that it still lists. A workflow ID that names
// no source is an error of type workflows.ErrTypeWorkflowID.
func Workflow(ctx workflow.Context, in Input) (workflows.NotifyState, error) {
	return execute(ctx, in, 0)
}

// ContinuingAfter returns a Workflow that continues as new after the given number of steps (notices, results of deliveries, updates, due times).
// Tests use it to find state that is not carried over.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.NotifyState, error) {
	return func(ctx workflow.Context, in Input) (workflows.NotifyState, error) {
		return execute(ctx, in, steps)
	}
}

// run is one run of the workflow: the state, and the parts that a run loses at its end.
type run struct {
	*entity.Run
	state   lifecycle.State
	notices workflow.ReceiveChannel
	// deliveries are running, at most one for each target, in the order in which they started.
	deliveries []delivery
	// startedBytes is the size of all deliveries that this run has started, as JSON.
	startedBytes int
	// newRunAt is when the run continues as new for deliveries that don't fit its history; zero if all fit.
	newRunAt time.Time
}

// execute runs the whole workflow and returns its result.
func execute(ctx workflow.Context, in Input, continueAfter int) (workflows.NotifyState, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.notices = workflow.GetSignalChannel(r.Ctx, workflows.SignalNotices)
	r.HasNews, r.ApplyWaiting = r.hasNews, r.applyWaiting
	if in.Carried == nil {
		if err := r.begin(); err != nil {
			return workflows.NotifyState{}, err
		}
	} else {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.state = *in.Carried
	}
	r.state.Version = r.BeginVersion(versionCurrent)
	if err := r.registerHandlers(); err != nil {
		return workflows.NotifyState{}, err
	}
	return r.loop()
}

// begin begins with the source that the workflow ID names. A hand-off would never reach a workflow with another ID.
func (r *run) begin() error {
	source, found := strings.CutPrefix(workflow.GetInfo(r.Ctx).WorkflowExecution.ID, workflows.NotifyWorkflowID(""))
	if !found || source == "" {
		return r.CheckID(workflows.NotifyWorkflowID("{source workflow ID}"))
	}
	r.state = lifecycle.Begin(source, r.Now())
	return nil
}
