package offloadcase

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// options are the activity options that a policy sets in a workflow's context.
func options(t *testing.T, policy func(workflow.Context) workflow.Context) workflow.ActivityOptions {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
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
	for _, known := range []string{"", workflows.AttentionUsageLimit} {
		o := options(t, func(ctx workflow.Context) workflow.Context { return createPolicy(ctx, known) })
		require.Subset(t, o.RetryPolicy.NonRetryableErrorTypes, []string{
			"TemporalTimeout:StartToClose", "PanicError", workflows.ErrTypeOffloadUncertain, workflows.ErrTypeOffloadInvalidRequest, workflows.ErrTypeOffloadUnauthorized,
		})
		require.Equal(t, known == "", slices.Contains(o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadUsageLimit), "what is known is left to the server")
		require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNotSent)
		require.Equal(t, workflows.TaskQueueOffload, o.TaskQueue)
		require.True(t, o.WaitForCancellation, "what became of it has to be known")
		require.Zero(t, o.ScheduleToCloseTimeout)
		require.Zero(t, o.HeartbeatTimeout, "an attempt under way must not learn of a cancellation")
	}
}

func TestLookingGoesOnWithoutLimitInItsOwnQueue(t *testing.T) {
	t.Parallel()
	params := workflows.ReconcileCaseParams{Floor: workflows.Duration(time.Minute), Ceiling: workflows.Duration(time.Hour)}
	o := options(t, func(ctx workflow.Context) workflow.Context { return reconcilePolicy(ctx, "", params) })
	require.Equal(t, workflows.TaskQueueOffloadPoll, o.TaskQueue)
	require.Zero(t, o.ScheduleToCloseTimeout)
	require.Zero(t, o.RetryPolicy.MaximumAttempts)
	require.Equal(t, time.Minute, o.RetryPolicy.InitialInterval)
	require.Equal(t, time.Hour, o.RetryPolicy.MaximumInterval)
	require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNoNews)

	o = options(t, func(ctx workflow.Context) workflow.Context {
		return reconcilePolicy(ctx, workflows.AttentionForbidden, params)
	})
	require.Contains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadNoNews, "that the trouble is over has to be heard of")
	require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, workflows.ErrTypeOffloadForbidden)
}

func TestStoringIsRepeatedForADayByWorkersOfItsOwn(t *testing.T) {
	t.Parallel()
	o := options(t, storePolicy)
	require.Equal(t, workflows.TaskQueueFiles, o.TaskQueue)
	require.Equal(t, 24*time.Hour, o.ScheduleToCloseTimeout)
	require.Equal(t, 15*time.Minute, o.StartToCloseTimeout)
	require.Equal(t, time.Minute, o.HeartbeatTimeout)
	require.Equal(t, 5*time.Second, o.RetryPolicy.InitialInterval)
	require.Equal(t, 10*time.Minute, o.RetryPolicy.MaximumInterval)
	require.Zero(t, o.RetryPolicy.MaximumAttempts)
	require.Subset(t, o.RetryPolicy.NonRetryableErrorTypes, []string{
		workflows.ErrTypeOffloadNotFound, workflows.ErrTypeOffloadUnauthorized, workflows.ErrTypeOffloadForbidden, workflows.ErrTypeOffloadUnknownAccount,
	})
	for _, passes := range []string{startToCloseTimeout, workflows.ErrTypeOffloadUnavailable, workflows.ErrTypeOffloadThrottled, workflows.ErrTypeArchiveBucket} {
		require.NotContains(t, o.RetryPolicy.NonRetryableErrorTypes, passes)
	}
}

func TestAFileIsMissingForWhatTheActivityLastSaid(t *testing.T) {
	t.Parallel()
	away := temporal.NewApplicationError("bucket failed", workflows.ErrTypeArchiveBucket)
	require.Equal(t, lifecycle.Failure{Type: workflows.ErrTypeArchiveBucket, Message: "bucket failed"},
		fileFailure(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, away)))
	require.Equal(t, lifecycle.Failure{Message: "no answer in time (ScheduleToClose)"},
		fileFailure(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)))
}

func TestFailuresReachTheRulesByTheirType(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want lifecycle.Failure
	}{
		"application": {temporal.NewApplicationError("said so", workflows.ErrTypeOffloadForbidden), lifecycle.Failure{Type: workflows.ErrTypeOffloadForbidden, Message: "said so"}},
		"cancelled":   {temporal.NewCanceledError(), lifecycle.Failure{Type: lifecycle.FailureCancelled, Message: "given up before it was carried out"}},
		"application, because of a cancellation": {
			temporal.NewApplicationErrorWithCause("broken off", workflows.ErrTypeOffloadUncertain, temporal.NewCanceledError()),
			lifecycle.Failure{Type: workflows.ErrTypeOffloadUncertain, Message: "broken off"},
		},
		"timeout": {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), lifecycle.Failure{Message: "no answer in time (StartToClose)"}},
		"a timeout after another failure": {
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, temporal.NewApplicationError("x", workflows.ErrTypeOffloadNotSent)), lifecycle.Failure{},
		},
		"anything": {errors.New("odd"), lifecycle.Failure{Message: "odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failure(row.err)
			require.Equal(t, row.want.Type, got.Type)
			require.Contains(t, got.Message, row.want.Message)
		})
	}
}
