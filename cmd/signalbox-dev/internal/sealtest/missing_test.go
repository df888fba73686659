package sealtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func dial(t *testing.T, ring *keyring.Ring) (client.Client, client.Options) {
	t.Helper()
	options := client.Options{HostPort: shared.TemporalAddress(), Logger: logging.ForTemporal(zap.NewNop())}
	payloadcodec.New(ring).Apply(&options)
	c, err := client.DialContext(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, options
}

// reader reads something of each kind: its input, a signal, and the result or the failure of an activity.
func reader(ctx workflow.Context, input string, fails bool) (string, error) {
	var signal, result, details string
	workflow.GetSignalChannel(ctx, "words").Receive(ctx, &signal)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: workflow.GetInfo(ctx).TaskQueueName + "-activities", StartToCloseTimeout: time.Minute})
	err := workflow.ExecuteActivity(ctx, "speak", fails).Get(ctx, &result)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		if detailsErr := failed.Details(&details); detailsErr != nil {
			return "", detailsErr
		}
		result = failed.Message()
	}
	return input + " " + signal + " " + result + details, nil
}

func speak(_ context.Context, fails bool) (string, error) {
	if fails {
		return "", temporal.NewNonRetryableApplicationError("failure", "Type", nil, "details")
	}
	return "result", nil
}

// startWorker starts a worker of the workflow or of its activity.
func startWorker(c client.Client, queue string) worker.Worker {
	// A busy machine must not let the detector of deadlocks fail a task first: the history shows the first failure only.
	w := worker.New(c, queue, worker.Options{DeadlockDetectionTimeout: 5 * time.Minute})
	w.RegisterWorkflowWithOptions(reader, workflow.RegisterOptions{Name: "reader"})
	w.RegisterActivityWithOptions(speak, activity.RegisterOptions{Name: "speak"})
	if err := w.Start(); err != nil {
		panic(err)
	}
	return w
}

// A worker that lacks the key of something fails its workflow task. The workflow goes on as if nothing had happened once a worker has the key.
func TestAMissingKeyLosesNoWorkflow(t *testing.T) {
	t.Parallel()
	older, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	staged, err := older.Stage()
	require.NoError(t, err)
	newer, err := staged.Promote()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		// Who writes, by which keys, and what the workers have that lack one.
		starts, signals, acts, lacking *keyring.Ring
		fails                          bool
		want                           string
	}{
		"the input":                     {newer, older, older, older, false, "input signal result"},
		"the input, and there are none": {newer, older, older, nil, false, "input signal result"},
		"a signal":                      {older, newer, older, older, false, "input signal result"},
		"a result":                      {older, older, newer, older, false, "input signal result"},
		"a failure":                     {older, older, newer, older, true, "input signal failuredetails"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			starts, _ := dial(t, c.starts)
			signals, _ := dial(t, c.signals)
			acts, _ := dial(t, c.acts)
			lacks, _ := dial(t, c.lacking)
			knows, options := dial(t, newer)
			queue := "reader " + t.Name()
			// A worker of activities that lacks the key of an argument leaves the activity to the others, so it has all.
			acting := startWorker(acts, queue+"-activities")
			if c.acts == older {
				t.Cleanup(startWorker(knows, queue+"-activities").Stop)
			}
			t.Cleanup(acting.Stop)
			lacking := startWorker(lacks, queue)
			run := stories.Execute(t, starts, client.StartWorkflowOptions{ID: queue, TaskQueue: queue, WorkflowExecutionTimeout: time.Hour}, "reader", "input", c.fails)
			stories.Signal(t, signals, run.GetID(), "words", "signal")
			failed := testenv.Eventually(t, func(ctx context.Context) (*historypb.HistoryEvent, error) {
				events := knows.GetWorkflowHistory(ctx, run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
				for events.HasNext() {
					event, err := events.Next()
					if err != nil || event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED {
						return event, err
					}
				}
				return nil, nil
			}, func(event *historypb.HistoryEvent) bool { return event != nil })
			told := options.FailureConverter.FailureToError(failed.GetWorkflowTaskFailedEventAttributes().GetFailure())
			require.ErrorContains(t, told, "--payload-keys", "the failed task says what to do")
			require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, stories.Describe(t, knows, run.GetID()).GetWorkflowExecutionInfo().GetStatus())

			lacking.Stop()
			t.Cleanup(startWorker(knows, queue).Stop)
			var got string
			require.NoError(t, knows.GetWorkflow(t.Context(), run.GetID(), "").Get(t.Context(), &got))
			require.Equal(t, c.want, got)
		})
	}
}

// A worker of activities that lacks the key of an argument leaves the activity for one that has it.
func TestAMissingKeyFailsOneAttemptOfAnActivity(t *testing.T) {
	t.Parallel()
	older, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	newer, err := older.Stage()
	require.NoError(t, err)
	newer, err = newer.Promote()
	require.NoError(t, err)
	lacks, _ := dial(t, older)
	knows, _ := dial(t, newer)
	queue := t.Name()
	lacking := startWorker(lacks, queue+"-activities")
	t.Cleanup(startWorker(knows, queue).Stop)
	run := stories.Execute(t, knows, client.StartWorkflowOptions{ID: queue, TaskQueue: queue}, "reader", "input", false)
	stories.Signal(t, knows, run.GetID(), "words", "signal")
	testenv.Eventually(t, func(ctx context.Context) (int32, error) {
		described, err := knows.DescribeWorkflowExecution(ctx, run.GetID(), "")
		if err != nil || len(described.GetPendingActivities()) == 0 {
			return 0, err
		}
		return described.GetPendingActivities()[0].GetAttempt(), nil
	}, func(attempt int32) bool { return attempt > 1 })
	lacking.Stop()
	t.Cleanup(startWorker(knows, queue+"-activities").Stop)
	var got string
	require.NoError(t, run.Get(t.Context(), &got))
	require.Equal(t, "input signal result", got)
}
