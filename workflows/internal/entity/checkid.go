package entity

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CheckID returns an error if the workflow ID is not want: signals to the right ID would never reach this run.
func (r *Run) CheckID(want string) error {
	if id := workflow.GetInfo(r.Ctx).WorkflowExecution.ID; id != want {
		return refused(workflows.ErrTypeWorkflowID, fmt.Sprintf("the workflow ID is %q; start it with %q", id, want))
	}
	return nil
}
