package entity

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Start begins a run. It continues as new after continueAfter steps; 0 means that only the length of the history decides.
func Start(ctx workflow.Context, continueAfter int) *Run {
	free, _ := workflow.NewDisconnectedContext(ctx)
	return &Run{
		Ctx: free, root: ctx, continueAfter: continueAfter,
		force:     workflow.GetSignalChannel(free, workflows.SignalForceContinueAsNew),
		published: readPublished(free),
	}
}

// CheckID returns an error if the workflow ID is not want: signals to the right ID would never reach this run.
func (r *Run) CheckID(want string) error {
	if id := workflow.GetInfo(r.Ctx).WorkflowExecution.ID; id != want {
		return refused(workflows.ErrTypeWorkflowID, fmt.Sprintf("the workflow ID is %q; start it with %q", id, want))
	}
	return nil
}
