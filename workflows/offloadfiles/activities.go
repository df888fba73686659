package offloadfiles

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

type (
	storeAttachment = entity.Call[workflows.StoreAttachmentParams, workflows.StoredFile]
	storeResult     = entity.Call[workflows.StoreResultParams, workflows.StoredFile]
)

func startStoreAttachment(ctx workflow.Context, call lifecycle.Call) storeAttachment {
	ctx = storePolicy(ctx, call, "Store an attachment of the case in the bucket")
	return entity.Execute[workflows.StoreAttachmentParams, workflows.StoredFile](ctx, workflows.ActivityArchiveStoreAttachment, *call.Attachment)
}

func startStoreResult(ctx workflow.Context, call lifecycle.Call) storeResult {
	ctx = storePolicy(ctx, call, "Store the result of the case in the bucket")
	return entity.Execute[workflows.StoreResultParams, workflows.StoredFile](ctx, workflows.ActivityArchiveStoreResult, *call.Result)
}

const (
	// storeAttempt limits one attempt at one file.
	storeAttempt = 15 * time.Minute
	// storeHeartbeat ends the attempt of a lost worker. A worker sends a heartbeat every 10 s while it stores.
	storeHeartbeat = time.Minute
	firstRetry     = 5 * time.Second
	slowestRetry   = 10 * time.Minute
)

// storePolicy lets the server retry, which costs no event, as long as the rules say. The activity marks final errors. A timeout is
// retried, because the worker may be lost.
func storePolicy(ctx workflow.Context, call lifecycle.Call, summary string) workflow.Context {
	retry := &temporal.RetryPolicy{
		InitialInterval:        firstRetry,
		BackoffCoefficient:     2,
		MaximumInterval:        slowestRetry,
		NonRetryableErrorTypes: lifecycle.EndsCall(call.Trouble),
	}
	if call.Once {
		retry.MaximumAttempts = 1
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueFiles,
		StartToCloseTimeout:    storeAttempt,
		HeartbeatTimeout:       storeHeartbeat,
		ScheduleToCloseTimeout: call.Within,
		RetryPolicy:            retry,
		Summary:                summary,
	})
}
