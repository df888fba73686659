package offloadcase

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// The provider calls of a case and their policies.
//
// The activities report troubles, such as a refused API key, as errors that may be retried. A policy names those as final that the workflow has
// not noted yet. Once it has raised attention it starts the same activity with a policy that doesn't name the trouble, and the server retries
// that without adding to the history.
const (
	// attemptTimeout bounds one attempt. It is above the HTTP client's own timeout, so that it only strikes when a worker is gone.
	attemptTimeout = time.Minute
	// answerFor is how long an answer is tried to be delivered before people are asked again.
	answerFor = 24 * time.Hour
	// readFor is how long a single read may take with its retries; the case then goes on without.
	readFor = 2 * time.Minute

	// checkAttempt is far above what a check takes: its work is bounded to about a second.
	checkAttempt = 10 * time.Second

	firstRetry = time.Second
	// slowestRetry bounds the pause between attempts where the activity doesn't choose it.
	slowestRetry = 5 * time.Minute

	// The server retries these two by itself unless they are named.
	startToCloseTimeout = "TemporalTimeout:StartToClose"
	panicked            = "PanicError"
)

type (
	createCall    = entity.Call[workflows.CreateCaseParams, workflows.CreateCaseResult]
	answerCall    = entity.Call[workflows.ProvideInputParams, workflows.ProvideInputResult]
	readCall      = entity.Call[workflows.GetCaseParams, workflows.CaseSnapshot]
	reconcileCall = entity.Call[workflows.ReconcileCaseParams, workflows.CaseSnapshot]
	checkCall     = entity.Call[workflows.CheckResultParams, workflows.ResultCheck]
)

func startCreate(ctx workflow.Context, known []string, params workflows.CreateCaseParams) createCall {
	return entity.Execute[workflows.CreateCaseParams, workflows.CreateCaseResult](createPolicy(ctx, known), workflows.ActivityOffloadCreateCase, params)
}

// createPolicy never lets the server repeat a POST /cases that may have been carried out. Its cancellation is waited for: between two
// attempts it comes at once, and an attempt under way is not interrupted but answered.
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

// answerPolicy may repeat the answer: Offload takes one answer to a question and refuses the next (Offload, "Provide case input").
func answerPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueOffload,
		StartToCloseTimeout:    attemptTimeout,
		ScheduleToCloseTimeout: answerFor,
		WaitForCancellation:    true,
		RetryPolicy:            retry(slowestRetry, lifecycle.TroubleTypes()),
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
		Summary:                "Read the case at Offload",
	})
}

func startReconcile(ctx workflow.Context, known []string, params workflows.ReconcileCaseParams) reconcileCall {
	return entity.Execute[workflows.ReconcileCaseParams, workflows.CaseSnapshot](
		reconcilePolicy(ctx, known, params), workflows.ActivityOffloadReconcileCase, params)
}

// reconcilePolicy lets the server repeat the read for as long as it takes; the activity chooses each pause. While a trouble is known, the first
// read that succeeds is final even without news, so that the attention ends.
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

// startCheck checks the result in the worker that runs the workflow: the answer of another release of the checker could differ when the history
// replays, so it is recorded. A local activity costs one event and writes neither schema nor result into the history again.
func startCheck(ctx workflow.Context, params workflows.CheckResultParams) checkCall {
	return entity.ExecuteLocal[workflows.CheckResultParams, workflows.ResultCheck](checkPolicy(ctx), workflows.ActivityOffloadCheckResult, params)
}

// checkPolicy repeats no check that fails: the outcome then says that the result is unchecked. That of a worker which dies is begun again with its
// workflow task.
func checkPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 2 * checkAttempt,
		StartToCloseTimeout:    checkAttempt,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Check the result against its schema",
	})
}

// retry is unlimited in attempts; what limits a call is its policy's timeouts, or nothing.
func retry(slowest time.Duration, final []string) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        firstRetry,
		BackoffCoefficient:     2,
		MaximumInterval:        slowest,
		NonRetryableErrorTypes: final,
	}
}
