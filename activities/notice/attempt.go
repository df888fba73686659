package notice

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/signalbox-dev/signalbox/workflows"
)

// maxAttemptError keeps the details of a retried error within the 4 KiB beyond which Temporal drops them.
const maxAttemptError = 100

// attempt makes one attempt to deliver a notice, and adds its result to the log of earlier attempts. The log is in the activity's result, in
// the details of its error, and in those of the heartbeat, which Temporal gives to the next attempt. what names the delivery in errors.
func (a *Activities) attempt(ctx context.Context, what string, deliver func() (status int, failed *failure)) (workflows.NoticeDelivery, error) {
	var made workflows.NoticeDelivery
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &made) != nil {
		made = workflows.NoticeDelivery{}
	}
	current := workflows.NoticeAttempt{At: a.now().UTC()}
	status, failed := deliver()
	current.Status = status
	if failed != nil {
		current.Error = workflows.Clip(failed.err.Error(), maxAttemptError)
	}
	info := activity.GetInfo(ctx)
	made.Attempts = int(info.Attempt)
	made.Log = append(made.Log, current)
	made.Log = made.Log[max(0, len(made.Log)-workflows.MaxNoticeAttempts):]
	if failed == nil {
		return made, nil
	}
	activity.RecordHeartbeat(ctx, made)
	failed.err = fmt.Errorf("%s: %w", what, failed.err)
	if failed.retryAfter > 0 {
		failed.pause = pauseFor(failed.retryAfter, info)
	}
	return workflows.NoticeDelivery{}, failed.asError(made)
}
