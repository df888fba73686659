package entity

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Run holds what one run of a workflow has beside its carried state.
type Run struct {
	// Ctx is not cancelled with the workflow, so that the work after a cancellation can finish.
	Ctx workflow.Context
	// Timer is the one timer of the run.
	Timer Timer
	// HasNews reports whether signals or results wait to be applied that may lift a refusal of an update; other news does not count. The checks of
	// updates call it, so it only looks. Unset, it reports none.
	HasNews func() bool
	// ApplyWaiting applies the signals and results that came before an update, so that the update sees them. The handlers of updates call it, so it
	// must not yield. Unset, it does nothing.
	ApplyWaiting func()

	root      workflow.Context
	force     workflow.ReceiveChannel
	published Published

	// changed: an update handler has changed the state in this turn of the loop.
	changed       bool
	cancelTaken   bool
	forced        bool
	steps         int
	continueAfter int
}

// Start begins a run. It continues as new after continueAfter steps; 0 means that only the length of the history decides.
func Start(ctx workflow.Context, continueAfter int) *Run {
	free, _ := workflow.NewDisconnectedContext(ctx)
	return &Run{
		Ctx: free, root: ctx, continueAfter: continueAfter,
		HasNews:      func() bool { return false },
		ApplyWaiting: func() {},
		force:        workflow.GetSignalChannel(free, workflows.SignalForceContinueAsNew),
		published:    readPublished(free),
	}
}

// CheckID returns an error if the workflow ID is not want: signals to the right ID would never reach this run.
func (r *Run) CheckID(want string) error {
	if id := workflow.GetInfo(r.Ctx).WorkflowExecution.ID; id != want {
		return refused(workflows.ErrTypeWorkflowID, fmt.Sprintf("the workflow ID is %q; start it with %q", id, want))
	}
	return nil
}

// Now returns the workflow's time in UTC.
func (r *Run) Now() time.Time { return workflow.Now(r.Ctx).UTC() }

// Turn begins a turn of the loop: it clears a timer that has fired, and reads an operator's signal.
func (r *Run) Turn() {
	r.changed = false
	if r.Timer.Fired() {
		r.Timer = Timer{}
		r.Step(1)
	}
	for r.force.ReceiveAsync(nil) {
		r.forced = true
	}
}

// Step counts n steps: events, results, updates or due times that this run has applied.
func (r *Run) Step(n int) { r.steps += n }

// TakeCancel returns true once, after the workflow was cancelled in Temporal.
func (r *Run) TakeCancel() bool {
	if r.cancelTaken || r.root.Err() == nil {
		return false
	}
	r.cancelTaken = true
	r.Step(1)
	return true
}

// Changed records that an update handler has changed the state, so that the loop takes another turn.
func (r *Run) Changed() {
	r.changed = true
	r.Step(1)
}

// HasWork reports whether the next turn has something to apply. The workflow adds its own signals and calls.
func (r *Run) HasWork() bool {
	return r.changed || r.Timer.Fired() || r.force.Len() > 0 || r.root.Err() != nil && !r.cancelTaken
}

// WantsNewRun reports whether the run should continue as new: its history is long, or an operator has asked.
func (r *Run) WantsNewRun() bool {
	return r.forced || workflow.GetInfo(r.Ctx).GetContinueAsNewSuggested() || r.continueAfter > 0 && r.steps >= r.continueAfter
}

// CanEnd reports whether the run may end: every update is answered. The workflow adds its own calls whose results must not be lost.
func (r *Run) CanEnd() bool { return workflow.AllHandlersFinished(r.Ctx) }

// ContinueAsNew returns the error that ends this run and starts the next. The server drops the calls that are still running, without an event,
// and ignores their results. So the workflow's canEnd waits for each call whose result must not be lost. The next run starts the others again
// from the carried state, whether the workflow has cancelled them or not.
func (r *Run) ContinueAsNew(workflowType string, input any) error {
	return workflow.NewContinueAsNewError(r.root, workflowType, input)
}

// CountEvent counts a processed event. For an applied event it also records the time since the ingress stored it. During a replay,
// workflow.GetMetricsHandler records nothing, so each event counts once.
func (r *Run) CountEvent(result workflows.EventResult, receivedAt time.Time) {
	metrics := workflow.GetMetricsHandler(r.Ctx)
	metrics.WithTags(map[string]string{"result": string(result)}).Counter(workflows.MetricEvents).Inc(1)
	if result == workflows.EventApplied && !receivedAt.IsZero() {
		// The ingress and Temporal have different clocks.
		metrics.Timer(workflows.MetricApplied).Record(max(0, r.Now().Sub(receivedAt)))
	}
}
