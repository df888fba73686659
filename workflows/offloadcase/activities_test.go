package offloadcase

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// options returns the activity options that a policy sets.
func options(t *testing.T, policy func(workflow.Context) workflow.Context) workflow.ActivityOptions {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	// A busy machine, with the race detector on, takes longer than the SDK allows: 1 s for a workflow task, 3 s for an activity.
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	var set workflow.ActivityOptions
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		set = workflow.GetActivityOptions(policy(ctx))
		return nil
	})
	require.NoError(t, env.GetWorkflowError())
	return set
}

func TestTheServerNeverRepeatsACreationThatMayHaveBeenCarriedOut(t *testing.T) {
	t.Parallel()
	for _, known := range [][]string{nil, {workflows.AttentionUsageLimit}} {
		o := options(t, func(ctx workflow.Context) workflow.Context { return createPolicy(ctx, known) })
		require.Subset(t, o.RetryPolicy.NonRetryableErrorTypes, []string{
			"TemporalTimeout:StartToClose", "PanicError", workflows.ErrTypeOffloadUncertain, workflows.ErrTypeOffloadInvalidRequest, workflows.ErrTypeOffloadUnauthorized,
		})
		require.Equal(t, known == nil, slices.Contains(o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadUsageLimit), "what is known is left to the server")
		require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNotSent)
		require.Equal(t, workflows.TaskQueueOffload, o.TaskQueue)
		require.True(t, o.WaitForCancellation, "its result must be known")
		require.Zero(t, o.ScheduleToCloseTimeout)
		require.Zero(t, o.HeartbeatTimeout, "an attempt under way must not learn of a cancellation")
	}
}

func TestReadsAndAnswersGoBeforeCreationsThatWait(t *testing.T) {
	t.Parallel()
	creation := options(t, func(ctx workflow.Context) workflow.Context { return createPolicy(ctx, nil) })
	answer, read := options(t, answerPolicy), options(t, readPolicy)
	require.Equal(t, creation.TaskQueue, answer.TaskQueue)
	require.Equal(t, creation.TaskQueue, read.TaskQueue)
	require.Zero(t, creation.Priority, "the server's default is 3")
	require.Less(t, read.Priority.PriorityKey, answer.Priority.PriorityKey)
	require.Less(t, answer.Priority.PriorityKey, 3)
	require.Positive(t, read.Priority.PriorityKey)
}

func TestReconcilingRetriesWithoutLimitInItsOwnQueue(t *testing.T) {
	t.Parallel()
	params := workflows.ReconcileCaseParams{Floor: workflows.Duration(time.Minute), Ceiling: workflows.Duration(time.Hour)}
	o := options(t, func(ctx workflow.Context) workflow.Context { return reconcilePolicy(ctx, nil, params) })
	require.Equal(t, workflows.TaskQueueOffloadPoll, o.TaskQueue)
	require.Zero(t, o.ScheduleToCloseTimeout)
	require.Zero(t, o.RetryPolicy.MaximumAttempts)
	require.Equal(t, time.Minute, o.RetryPolicy.InitialInterval)
	require.Equal(t, time.Hour, o.RetryPolicy.MaximumInterval)
	require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNoNews)

	o = options(t, func(ctx workflow.Context) workflow.Context {
		return reconcilePolicy(ctx, []string{workflows.AttentionForbidden}, params)
	})
	require.Contains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNoNews, "the end of the trouble is final")
	require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadForbidden)
}
