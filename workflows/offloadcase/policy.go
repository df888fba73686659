package offloadcase

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// How provider calls are carried out, all in one place.
//
// The caller decides what it wants to be told. The activities report troubles, such as a refused API key, as errors that may be
// retried; a policy names those as final that its workflow hasn't heard of yet. Once it has raised attention it starts the same
// activity with a policy that doesn't name the trouble, and the server retries that without adding to the history.
const (
	// attemptTimeout bounds one attempt. It is above the HTTP client's own timeout, so that it only strikes when a worker is gone.
	attemptTimeout = time.Minute
	// answerFor is how long an answer is tried to be delivered before people are asked again.
	answerFor = 24 * time.Hour
	// lookFor is how long a single look may take with its retries; whoever waits for it then goes on without.
	lookFor = 2 * time.Minute

	// storeAttempt is for one file, storeFor for all attempts at it: a bucket or a provider that is away for a night is waited for. A worker
	// that is storing says so every 10 s.
	storeAttempt = 15 * time.Minute
	storeBeat    = time.Minute
	storeFor     = 24 * time.Hour
	firstStore   = 5 * time.Second
	slowestStore = 10 * time.Minute

	firstRetry = time.Second
	// slowestRetry bounds the pause between attempts where the activity doesn't choose it.
	slowestRetry = 5 * time.Minute

	// The server retries these two by itself unless they are named.
	startToCloseTimeout = "TemporalTimeout:StartToClose"
	panicked            = "PanicError"
)

// createPolicy never lets the server repeat a POST /cases that may have been carried out. Its cancellation is waited for: between two
// attempts it comes at once, and an attempt under way is not interrupted but answered.
func createPolicy(ctx workflow.Context, knownTrouble string) workflow.Context {
	final := append([]string{
		startToCloseTimeout, panicked,
		workflows.ErrTypeOffloadUncertain, workflows.ErrTypeOffloadInvalidRequest,
	}, lifecycle.TroubleTypes(knownTrouble)...)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           workflows.TaskQueueOffload,
		StartToCloseTimeout: attemptTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retry(slowestRetry, final),
		Summary:             "Create the case at Offload, once",
	})
}

// answerPolicy may repeat the answer: Offload takes one answer to a question and refuses the next (Offload, "Provide case input").
func answerPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueOffload,
		StartToCloseTimeout:    attemptTimeout,
		ScheduleToCloseTimeout: answerFor,
		WaitForCancellation:    true,
		RetryPolicy:            retry(slowestRetry, lifecycle.TroubleTypes("")),
		Summary:                "Send the answer to Offload",
	})
}

func lookPolicy(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueOffload,
		StartToCloseTimeout:    attemptTimeout,
		ScheduleToCloseTimeout: lookFor,
		RetryPolicy:            retry(lookFor/4, lifecycle.TroubleTypes("")),
		Summary:                "Look at the case at Offload",
	})
}

// reconcilePolicy lets the server repeat the look for as long as it takes; the activity chooses each pause. While a trouble is known,
// the first look that succeeds has to be heard of even without news, so that the attention ends.
func reconcilePolicy(ctx workflow.Context, knownTrouble string, params workflows.ReconcileCaseParams) workflow.Context {
	final := lifecycle.TroubleTypes(knownTrouble)
	if knownTrouble != "" {
		final = append(final, workflows.ErrTypeOffloadNoNews)
	}
	policy := retry(params.Ceiling.Std(), final)
	policy.InitialInterval = max(params.Floor.Std(), firstRetry)
	policy.MaximumInterval = max(policy.MaximumInterval, policy.InitialInterval)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           workflows.TaskQueueOffloadPoll,
		StartToCloseTimeout: attemptTimeout,
		RetryPolicy:         policy,
		Summary:             "Look for news until there is some",
	})
}

// storePolicy repeats whatever may pass. The activity marks what is final for the bucket; what a person would have to mend at the provider
// is final here, since the case has ended and nobody is told before it stops. Its timeout may be the end of a worker, so it is repeated.
func storePolicy(ctx workflow.Context) workflow.Context {
	policy := retry(slowestStore, lifecycle.TroubleTypes(""))
	policy.InitialInterval = firstStore
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              workflows.TaskQueueFiles,
		StartToCloseTimeout:    storeAttempt,
		HeartbeatTimeout:       storeBeat,
		ScheduleToCloseTimeout: storeFor,
		RetryPolicy:            policy,
		Summary:                "Put a file of the case into the bucket",
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
