package entity

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

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
