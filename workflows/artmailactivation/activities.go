package artmailactivation

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// checkCall is a running activity "check-approval" of the agent's author.
type checkCall = entity.Call[workflows.CheckApprovalParams, workflows.CheckApprovalResult]

func startCheck(ctx workflow.Context, wanted lifecycle.Check, now time.Time) checkCall {
	ctx = workflow.WithActivityOptions(ctx, checkPolicy(wanted, now))
	return entity.Execute[workflows.CheckApprovalParams, workflows.CheckApprovalResult](ctx, workflows.ActivityArtmailCheckApproval, wanted.Params)
}

// checkPolicy lets the server repeat the check until its time is over, since attempts cost no history. The schedule-to-close timeout also
// ends a check that no worker picks up.
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
