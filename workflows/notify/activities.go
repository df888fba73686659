package notify

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

const (
	// deliverAttempt bounds one attempt. It is above the client's own timeout.
	deliverAttempt = 15 * time.Second
	firstPause     = time.Second
	longestPause   = time.Hour
	// maxSummary is in bytes; Temporal refuses the workflow task over 400.
	maxSummary = 200
)

// delivery is a notice on its way to its target.
type delivery = entity.Call[workflows.SignalNotice, workflows.NoticeDelivery]

// deliver signals the target, again and again for as long as the rules allow. The activity marks what is final.
func deliver(ctx workflow.Context, d lifecycle.Delivery) delivery {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueCallbacks,
		StartToCloseTimeout:    deliverAttempt,
		ScheduleToCloseTimeout: d.Within,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: firstPause, BackoffCoefficient: 2, MaximumInterval: longestPause},
		Summary:                workflows.Clip(string(d.Notice.Kind)+" for "+d.To.WorkflowID, maxSummary),
	})
	return entity.Execute[workflows.SignalNotice, workflows.NoticeDelivery](ctx, workflows.ActivityNoticeSignal, d.SignalNotice)
}

// outcome takes the result of a delivery: how many attempts it took, as far as is known, and how it failed. A delivery whose time is over
// failed for what the last attempt said.
func outcome(ctx workflow.Context, d *delivery) (attempts int, failure *rules.Failure) {
	_, delivered, err := d.TakeError(ctx)
	if err == nil {
		return delivered.Attempt, nil
	}
	var failed *temporal.ApplicationError
	var last workflows.NoticeDelivery
	if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&last) == nil {
		attempts = last.Attempt
	}
	f := entity.LastFailure(err)
	return attempts, &f
}
