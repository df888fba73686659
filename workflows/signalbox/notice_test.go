package signalbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// newEnvironment gives workflow tasks and activities more time: the race detector on a busy machine is slow.
func newEnvironment() *testsuite.TestWorkflowEnvironment {
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	return env
}

func TestRepeatedNoticesAreReceivedOnceAlsoAcrossContinueAsNew(t *testing.T) {
	t.Parallel()
	type taken struct{ IDs, Seen []string }
	env := newEnvironment()
	env.RegisterDelayedCallback(func() {
		for _, id := range []string{"r0", "r1", "r1", "r2", "r0", "r1", "r3"} {
			env.SignalWorkflow("notice", workflows.Notice{ID: id})
		}
	}, 0)
	env.ExecuteWorkflow(func(ctx workflow.Context) (taken, error) {
		notices := signalbox.ReceiveNotices(ctx, "notice", "r0")
		var got taken
		for range 3 {
			notice, err := notices.Receive(ctx)
			if err != nil {
				return got, err
			}
			got.IDs = append(got.IDs, notice.ID)
		}
		got.Seen = notices.Seen()
		return got, nil
	})
	var got taken
	require.NoError(t, env.GetWorkflowResult(&got))
	require.Equal(t, taken{IDs: []string{"r1", "r2", "r3"}, Seen: []string{"r0", "r1", "r2", "r3"}}, got)
}

func TestOnlyTheNewestNoticesAreRemembered(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) ([]string, error) {
		var seen []string
		for i := range 1500 {
			seen = append(seen, fmt.Sprint(i))
		}
		return signalbox.ReceiveNotices(ctx, "case", seen...).Seen(), nil
	})
	var seen []string
	require.NoError(t, env.GetWorkflowResult(&seen))
	require.Len(t, seen, 1000)
	require.Equal(t, "500", seen[0])
}

func TestWaitingForANoticeEndsWithTheWorkflow(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	env.RegisterDelayedCallback(env.CancelWorkflow, 0)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		_, err := signalbox.ReceiveNotices(ctx, "answer").Receive(ctx)
		return err
	})
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
}

func TestANoticeComesBackToTheCallingWorkflow(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) (*workflows.ReplyTo, error) { return signalbox.ReplyHere(ctx, "answer"), nil })
	var to workflows.ReplyTo
	require.NoError(t, env.GetWorkflowResult(&to))
	require.Equal(t, workflows.ReplyTo{WorkflowID: "default-test-workflow-id", Signal: "answer"}, to)
}
