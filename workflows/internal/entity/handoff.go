package entity

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// HandOff is the hand-off of notices; at most one runs at a time. It is a local activity: it costs one event, and no full task queue
// delays it. The worker does not retry it; the outbox does, with the loop's timer.
type HandOff = Call[workflows.HandOff, workflows.HandOffResult]

const (
	handOffAttempt = 5 * time.Second
	handOffTime    = 10 * time.Second
)

// StartHandOff starts the hand-off.
func StartHandOff(ctx workflow.Context, params workflows.HandOff) HandOff {
	return ExecuteLocal[workflows.HandOff, workflows.HandOffResult](workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: handOffTime,
		StartToCloseTimeout:    handOffAttempt,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Hand off notices",
	}), workflows.ActivityNoticeHandOff, params)
}

// LogFailedHandOff logs a failed hand-off, which the outbox repeats.
func (r *Run) LogFailedHandOff(h workflows.HandOff, f rules.Failure) {
	workflow.GetLogger(r.Ctx).Warn("hand-off failed", "notices", len(h.Notices), "files", h.Files != nil, "errorType", f.Type, "error", f.Message)
}
