package notice

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

func TestRetryAfterLengthensThePauseAndLeavesTimeForALastAttempt(t *testing.T) {
	t.Parallel()
	scheduled := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		attempt int32
		started time.Duration // after it was scheduled
		asked   time.Duration
		want    time.Duration // 0: that of the policy
	}{
		"longer than the policy's":       {attempt: 1, asked: 2 * time.Second, want: 2 * time.Second},
		"as long":                        {attempt: 2, asked: 2 * time.Second},
		"shorter, after many attempts":   {attempt: 12, asked: time.Second},
		"shorter than the longest pause": {attempt: 2000, asked: 59 * time.Minute},
		"longer than the longest pause":  {attempt: 2000, asked: 2 * time.Hour, want: 2 * time.Hour},
		"beyond the end":                 {attempt: 60, started: 50 * time.Hour, asked: 24 * time.Hour, want: 22*time.Hour - 25*time.Second},
		"with no time left":              {attempt: 60, started: 72 * time.Hour, asked: 24 * time.Hour, want: 24 * time.Hour},
	} {
		require.Equal(t, c.want, pauseFor(c.asked, activity.Info{
			Attempt: c.attempt, ScheduledTime: scheduled, StartedTime: scheduled.Add(c.started),
			ScheduleToCloseTimeout: 72 * time.Hour, StartToCloseTimeout: 25 * time.Second,
			RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Hour},
		}), name)
	}
}
