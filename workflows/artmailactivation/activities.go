package artmailactivation

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// reconcileCall is a running activity "check-approval" of the agent's author, which asks Artmail for the answer to an approval.
type reconcileCall = entity.Call[workflows.CheckApprovalParams, workflows.CheckApprovalResult]

func startReconcile(ctx workflow.Context, wanted lifecycle.Reconcile, now time.Time) reconcileCall {
	return entity.Execute[workflows.CheckApprovalParams, workflows.CheckApprovalResult](
		reconcilePolicy(ctx, wanted, now), workflows.ActivityArtmailCheckApproval, wanted.Params)
}

// reconcilePolicy lets the server repeat the activity until its time is over, since attempts cost no history. The schedule-to-close timeout also
// ends one that no worker picks up.
func reconcilePolicy(ctx workflow.Context, wanted lifecycle.Reconcile, now time.Time) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              wanted.Queue,
		Summary:                wanted.Title,
		ScheduleToCloseTimeout: wanted.Until.Sub(now),
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    5 * time.Second,
			BackoffCoefficient: 1.5,
			MaximumInterval:    time.Minute,
		},
	})
}
