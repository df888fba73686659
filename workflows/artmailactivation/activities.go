package artmailactivation

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// checkCall is the agent author's activity "check-approval" under way.
type checkCall = entity.Call[workflows.CheckApprovalParams, workflows.CheckApprovalResult]

func startCheck(ctx workflow.Context, wanted lifecycle.Check, now time.Time) checkCall {
	ctx = workflow.WithActivityOptions(ctx, checkPolicy(wanted, now))
	return entity.Execute[workflows.CheckApprovalParams, workflows.CheckApprovalResult](ctx, workflows.ActivityArtmailCheckApproval, wanted.Params)
}

// checkPolicy lets the server ask again and again until the time is up: attempts cost no history. Schedule-to-close also ends a check that no
// worker of the agent ever picks up.
func checkPolicy(wanted lifecycle.Check, now time.Time) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              wanted.Queue,
		Summary:                wanted.Title,
		ScheduleToCloseTimeout: wanted.Until.Sub(now),
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    5 * time.Second,
			BackoffCoefficient: 1.5,
			MaximumInterval:    time.Minute,
		},
	}
}
