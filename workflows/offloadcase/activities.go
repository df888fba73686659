package offloadcase

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// The calls of a case and their policies.
//
// Activities report troubles that a person can repair, such as a refused API key, as retryable errors. A policy makes a trouble final if
// the workflow does not know it yet. The workflow then raises attention and starts the activity again with a policy in which that trouble
// is retryable, so that the server retries it without adding to the history.
const (
	// attemptTimeout limits one attempt. It is longer than the HTTP client's timeout, so it is only reached if the worker is lost.
	attemptTimeout = time.Minute
	// answerFor is how long sending an answer is tried before people are asked again.
	answerFor = 24 * time.Hour
	// readFor is how long a single read may take with its retries; then the case goes on without it.
	readFor = 2 * time.Minute

	// resultCheckAttempt is far more than a result check needs: its work is limited to about a second.
	resultCheckAttempt = 10 * time.Second

	// Reads and answers go before creations when calls wait, for example at --offload-calls-per-second: a case may end when its read has
	// waited for readFor, and a person has given the answer. A creation has the server's default, 3 of 5.
	readPriority   = 1
	answerPriority = 2

	firstRetry = time.Second
	// slowestRetry is the longest pause between attempts, unless the activity chooses the pause.
	slowestRetry = 5 * time.Minute

	// The server retries these two unless a policy names them.
	startToCloseTimeout = "TemporalTimeout:StartToClose"
	panicked            = "PanicError"
)

type (
	createCall      = entity.Call[workflows.CreateCaseParams, workflows.CreateCaseResult]
	answerCall      = entity.Call[workflows.ProvideInputParams, workflows.ProvideInputResult]
	readCall        = entity.Call[workflows.GetCaseParams, workflows.CaseSnapshot]
	reconcileCall   = entity.Call[workflows.ReconcileCaseParams, workflows.CaseSnapshot]
	resultCheckCall = entity.Call[workflows.CheckResultParams, workflows.ResultCheck]
)

func startCreate(ctx workflow.Context, known []string, params workflows.CreateCaseParams) createCall {
	return entity.Execute[workflows.CreateCaseParams, workflows.CreateCaseResult](createPolicy(ctx, known), workflows.ActivityOffloadCreateCase, params)
}

// createPolicy never lets the server repeat a POST /cases that may have been carried out. The workflow waits for its cancellation:
// between two attempts it takes effect at once; a running attempt is not interrupted, and its result is applied.
func createPolicy(ctx workflow.Context, known []string) workflow.Context {
	final := append([]string{
		startToCloseTimeout, panicked,
		workflows.ErrTypeOffloadUncertain, workflows.ErrTypeOffloadInvalidRequest,
	}, lifecycle.TroubleTypes(known...)...)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           workflows.TaskQueueOffload,
		StartToCloseTimeout: attemptTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retry(slowestRetry, final),
		Summary:             "Create the case at Offload, once",
	})
}

func startAnswer(ctx workflow.Context, params workflows.ProvideInputParams) answerCall {
	return entity.Execute[workflows.ProvideInputParams, workflows.ProvideInputResult](answerPolicy(ctx), workflows.ActivityOffloadProvideInput, params)
}

// answerPolicy retries the answer: Offload accepts only one answer to a question (Offload, "Provide case input").
func answerPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueOffload,
		StartToCloseTimeout:    attemptTimeout,
		ScheduleToCloseTimeout: answerFor,
		WaitForCancellation:    true,
		RetryPolicy:            retry(slowestRetry, lifecycle.TroubleTypes()),
		Priority:               temporal.Priority{PriorityKey: answerPriority},
		Summary:                "Send the answer to Offload",
	})
}

func startRead(ctx workflow.Context, params workflows.GetCaseParams) readCall {
	return entity.Execute[workflows.GetCaseParams, workflows.CaseSnapshot](readPolicy(ctx), workflows.ActivityOffloadGetCase, params)
}

func readPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueOffload,
		StartToCloseTimeout:    attemptTimeout,
		ScheduleToCloseTimeout: readFor,
		RetryPolicy:            retry(readFor/4, lifecycle.TroubleTypes()),
		Priority:               temporal.Priority{PriorityKey: readPriority},
		Summary:                "Read the case at Offload",
	})
}

func startReconcile(ctx workflow.Context, known []string, params workflows.ReconcileCaseParams) reconcileCall {
	return entity.Execute[workflows.ReconcileCaseParams, workflows.CaseSnapshot](
		reconcilePolicy(ctx, known, params), workflows.ActivityOffloadReconcileCase, params)
}

// reconcilePolicy lets the server repeat the read without a limit; the activity chooses each pause. While a trouble is known, the first
// successful read is final even without news, so that the attention ends.
func reconcilePolicy(ctx workflow.Context, known []string, params workflows.ReconcileCaseParams) workflow.Context {
	final := lifecycle.TroubleTypes(known...)
	if len(known) > 0 {
		final = append(final, workflows.ErrTypeOffloadNoNews)
	}
	policy := retry(params.Ceiling.Std(), final)
	policy.InitialInterval = max(params.Floor.Std(), firstRetry)
	policy.MaximumInterval = max(policy.MaximumInterval, policy.InitialInterval)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           workflows.TaskQueueOffloadPoll,
		StartToCloseTimeout: attemptTimeout,
		RetryPolicy:         policy,
		Summary:             "Read the case until there is news",
	})
}

// startResultCheck checks the result in the worker that runs the workflow, and records the conclusion: another release of the checker could
// conclude differently during replay. A local activity costs one event, and does not copy schema and result into the history again.
func startResultCheck(ctx workflow.Context, params workflows.CheckResultParams) resultCheckCall {
	return entity.ExecuteLocal[workflows.CheckResultParams, workflows.ResultCheck](resultCheckPolicy(ctx), workflows.ActivityOffloadCheckResult, params)
}

// resultCheckPolicy does not retry a failed result check: the outcome then says that the result is unchecked. If the worker dies, the check starts
// again with its workflow task.
func resultCheckPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 2 * resultCheckAttempt,
		StartToCloseTimeout:    resultCheckAttempt,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Check the result against its schema",
	})
}

// retry sets no limit on attempts; only timeouts of the call can limit it.
func retry(slowest time.Duration, final []string) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        firstRetry,
		BackoffCoefficient:     2,
		MaximumInterval:        slowest,
		NonRetryableErrorTypes: final,
	}
}
