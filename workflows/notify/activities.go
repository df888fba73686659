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
	// deliverAttempt limits one attempt. It is longer than the activities' own timeouts, of which the longest is that of a callback, 15
	// seconds.
	deliverAttempt = 25 * time.Second
	firstPause     = time.Second
	longestPause   = time.Hour
	// maxSummary is in bytes; Temporal refuses the workflow task over 400.
	maxSummary = 200
)

// delivery is a running delivery of a notice.
type delivery = entity.Call[workflows.DeliverNotice, workflows.NoticeDelivery]

func startDelivery(ctx workflow.Context, d lifecycle.Delivery) delivery {
	return entity.Execute[workflows.DeliverNotice, workflows.NoticeDelivery](deliveryPolicy(ctx, d), activityFor(d.To), d.DeliverNotice)
}

// deliveryPolicy lets the server retry the delivery as long as the rules allow. The activity marks final errors.
func deliveryPolicy(ctx workflow.Context, d lifecycle.Delivery) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueCallbacks,
		StartToCloseTimeout:    deliverAttempt,
		ScheduleToCloseTimeout: d.Within,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: firstPause, BackoffCoefficient: 2, MaximumInterval: longestPause},
		Summary:                workflows.Clip(string(d.Notice.Kind)+" for "+d.To.String(), maxSummary),
	})
}

func activityFor(to workflows.Target) string {
	switch {
	case to.HandOver:
		return workflows.ActivityNoticeStart
	case to.Callback != "":
		return workflows.ActivityNoticePost
	}
	return workflows.ActivityNoticeSignal
}

// takeResult returns the attempts of a finished delivery, as far as they are known, and its failure. If the delivery ran out of time, the
// failure is that of the last attempt.
func takeResult(ctx workflow.Context, d *delivery) (attempts workflows.NoticeDelivery, failure *rules.Failure) {
	_, attempts, err := d.TakeError(ctx)
	if err == nil {
		return attempts, nil
	}
	f := entity.LastFailure(err)
	return attemptsOf(err), &f
}

// attemptsOf reads the attempts from the last heartbeat, or else from the last error.
func attemptsOf(err error) (attempts workflows.NoticeDelivery) {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.HasLastHeartbeatDetails() && timeout.LastHeartbeatDetails(&attempts) == nil {
		return attempts
	}
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&attempts) == nil {
		return attempts
	}
	return workflows.NoticeDelivery{}
}
