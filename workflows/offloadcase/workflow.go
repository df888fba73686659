package offloadcase

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// Input is a workflows.CaseStart, which is all that a client sends. Carried is set when the case continues as new.
type Input struct {
	workflows.CaseStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is to be registered as workflows.OffloadCaseWorkflow. A case that fails is an outcome and no error; an error of type
// workflows.ErrTypeInvalidArgument says that the start can't be carried out.
func Workflow(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
	return follow(ctx, in, 0)
}

// ContinuingAfter is Workflow, except that it continues as new whenever it has taken in that many things (events, answers of
// activities, updates, the passing of a due time). Tests use it to find what is not carried.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.CaseOutcome, error) {
	return func(ctx workflow.Context, in Input) (workflows.CaseOutcome, error) {
		return follow(ctx, in, steps)
	}
}

func follow(ctx workflow.Context, in Input, continueAfter int) (workflows.CaseOutcome, error) {
	start := in.Normalized()
	if err := start.Validate(); err != nil {
		return workflows.CaseOutcome{}, temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, err)
	}
	r := newRun(ctx, start, in.Carried, continueAfter)
	if err := r.handle(); err != nil {
		return workflows.CaseOutcome{}, err
	}
	return r.live()
}
