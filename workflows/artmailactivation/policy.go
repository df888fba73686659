package artmailactivation

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// maxSending bounds the replies under way at once: each is a transfer task of the server and two events of the history.
	maxSending = 50

	// maxChecking bounds the checks under way at once, well under the server's limit of 2,000 pending activities. All that are due
	// together have to fit, or the last would wait for the whole time of the first when nobody polls the agent's queue.
	maxChecking = 1000
)

// checkApprovalPolicy lets the server ask again and again until the time is up: attempts cost no history. Schedule-to-close also ends a
// check that no worker of the agent ever picks up.
func checkApprovalPolicy(taskQueue, title string, within time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              taskQueue,
		Summary:                title,
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    5 * time.Second,
			BackoffCoefficient: 1.5,
			MaximumInterval:    time.Minute,
		},
	}
}
