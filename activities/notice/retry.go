package notice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/signalbox-dev/signalbox/activities/retryafter"
	"github.com/signalbox-dev/signalbox/workflows"
)

// The server retries a delivery for three days, with pauses from a second to an hour: deliveryPolicy in workflows/notify/activities.go. These are the
// pauses that differ.
const (
	// maxRetryAfter bounds the pause that a receiver asks for.
	maxRetryAfter = 24 * time.Hour
	// busyPause is the pause while postsAtOnce posts to the same callback are under way.
	busyPause = 10 * time.Second
	// notConfiguredPause is the pause between deliveries whose target the configuration lacks.
	notConfiguredPause = 30 * time.Second
	// notConfiguredTime is how long such a delivery, or a hand-off whose agent is not configured, is repeated.
	notConfiguredTime = 15 * time.Minute
)

// notConfigured returns the failure of a target that this worker's configuration lacks. It is retried at first: a new configuration reaches the
// workers one after the other.
func (a *Activities) notConfigured(ctx context.Context, err error) *failure {
	if a.now().Sub(activity.GetInfo(ctx).ScheduledTime) < notConfiguredTime {
		return &failure{err: err, errorType: workflows.ErrTypeNoticeUndelivered, pause: notConfiguredPause}
	}
	return final(workflows.ErrTypeNoticeInvalid, err)
}

// classify returns the failure that a response means; nil if the notice is delivered.
func classify(response *http.Response, now time.Time) *failure {
	status := response.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusGone:
		return final(workflows.ErrTypeNoticeTargetGone, errors.New("it answered 410: it wants no more notices of this source"))
	case status >= 300 && status < 400:
		return undelivered(fmt.Errorf("it answered %d: redirects are not followed: configure the URL of the redirect", status))
	}
	failed := undelivered(fmt.Errorf("it answered %d", status))
	failed.retryAfter = min(retryafter.Parse(response.Header.Get("Retry-After"), now), maxRetryAfter)
	return failed
}

// pauseFor returns the pause before the next attempt if the receiver asks for one. If the retry policy waits longer anyway, it returns 0, which leaves
// the pause to the policy: so a dead receiver with a short Retry-After is not asked every second for days. The pause leaves time for a last attempt.
func pauseFor(retryAfter time.Duration, info activity.Info) time.Duration {
	if policy := info.RetryPolicy; policy != nil {
		grown := float64(policy.InitialInterval) * math.Pow(policy.BackoffCoefficient, float64(info.Attempt-1))
		if float64(retryAfter) <= min(grown, float64(policy.MaximumInterval)) {
			return 0
		}
	}
	if left := info.ScheduledTime.Add(info.ScheduleToCloseTimeout).Sub(info.StartedTime) - info.StartToCloseTimeout; left > 0 {
		return min(retryAfter, left)
	}
	return retryAfter
}
