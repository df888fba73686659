package entity

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Run is what one run of a workflow has beside its state.
type Run struct {
	// Ctx does not end when the workflow is cancelled: what is left to do then goes on.
	Ctx workflow.Context
	// Timer is the one timer of the run.
	Timer Timer

	root      workflow.Context
	force     workflow.ReceiveChannel
	published Published

	// changed: an update handler has changed the state since the loop began its turn.
	changed       bool
	cancelTaken   bool
	forced        bool
	steps         int
	continueAfter int
}

// Start begins a run. It continues as new after that many steps; 0 means that only the length of the history decides.
func Start(ctx workflow.Context, continueAfter int) *Run {
	free, _ := workflow.NewDisconnectedContext(ctx)
	return &Run{
		Ctx: free, root: ctx, continueAfter: continueAfter,
		force:     workflow.GetSignalChannel(free, workflows.SignalForceContinueAsNew),
		published: readPublished(free),
	}
}

// Now is the workflow's time in UTC.
func (r *Run) Now() time.Time { return workflow.Now(r.Ctx).UTC() }

// Turn begins a turn of the loop: a timer that fired is cleared, and an operator's signal is taken.
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

// Step counts what this run has taken in.
func (r *Run) Step(n int) { r.steps += n }

// TakeCancel is true once, when the workflow was cancelled in Temporal.
func (r *Run) TakeCancel() bool {
	if r.cancelTaken || r.root.Err() == nil {
		return false
	}
	r.cancelTaken = true
	r.Step(1)
	return true
}

// Changed says that an update handler has changed the state, so that the loop takes another turn.
func (r *Run) Changed() {
	r.changed = true
	r.Step(1)
}

// HasWork says whether the next turn has anything to take in, beside the workflow's own signals and calls.
func (r *Run) HasWork() bool {
	return r.changed || r.Timer.Fired() || r.force.Len() > 0 || r.root.Err() != nil && !r.cancelTaken
}

// WantsNewRun says whether the run has become long enough, or an operator asked, to continue as new.
func (r *Run) WantsNewRun() bool {
	return r.forced || workflow.GetInfo(r.Ctx).GetContinueAsNewSuggested() || r.continueAfter > 0 && r.steps >= r.continueAfter
}

// CanEnd says whether the run may end: every update is answered. The workflow adds its own calls whose result must not be lost.
func (r *Run) CanEnd() bool { return workflow.AllHandlersFinished(r.Ctx) }

// ContinueAsNew returns the error that ends this run and starts the next. The server drops activities that are under way, so the workflow
// gives up first what may be repeated and waits for what must not.
func (r *Run) ContinueAsNew(workflowType string, input any) error {
	return workflow.NewContinueAsNewError(r.root, workflowType, input)
}

// CheckID fails a first run whose workflow ID is not want: signals to the right ID would never reach it.
func (r *Run) CheckID(want string) error {
	if id := workflow.GetInfo(r.Ctx).WorkflowExecution.ID; id != want {
		return refused(workflows.ErrTypeWorkflowID, fmt.Sprintf("the workflow ID is %q; start it with %q", id, want))
	}
	return nil
}

// CheckVersion fails the workflow task where the carried state was written by newer code. Temporal repeats the task until a worker with newer
// code takes it. To fail the workflow instead would end it.
func CheckVersion(carried, known int) {
	if carried > known {
		panic(fmt.Sprintf("the carried state has version %d, this code knows %d: run a newer worker", carried, known))
	}
}

// Drain returns what waits in a signal channel, oldest first. The SDK logs and skips a signal that can't be decoded.
func Drain[T any](channel workflow.ReceiveChannel) []T {
	var all []T
	for {
		var one signal[T]
		if !channel.ReceiveAsync(&one) {
			return all
		}
		all = append(all, one.value)
	}
}

// signal decodes each time into a new value. The SDK decodes the signal after one that it skips into the same variable, and encoding/json leaves
// what the skipped one had set where the next one has no such field.
type signal[T any] struct{ value T }

// UnmarshalJSON implements json.Unmarshaler.
func (s *signal[T]) UnmarshalJSON(raw []byte) error {
	var fresh T
	if err := json.Unmarshal(raw, &fresh); err != nil {
		return fmt.Errorf("decode signal: %w", err)
	}
	s.value = fresh
	return nil
}
