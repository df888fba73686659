package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/metricstest"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

func TestEachEventIsCountedByItsResultAndTimedFromItsAcceptance(t *testing.T) {
	t.Parallel()
	metrics := metricstest.New()
	var suite testsuite.WorkflowTestSuite
	suite.SetMetricsHandler(metrics)
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(t0)
	env.SetTestTimeout(2 * time.Minute)
	// A busy machine, with the race detector on, takes longer for a workflow task than the second that the SDK allows.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.OffloadCaseWorkflowID("r1"), TaskQueue: workflows.TaskQueueWorkflows})
	env.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	(&provider{}).register(env)
	env.RegisterActivityWithOptions(func(workflows.HandOff) (workflows.HandOffResult, error) {
		return workflows.HandOffResult{}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	event := func(kind, key string, at time.Duration) workflows.CaseEvent {
		return workflows.CaseEvent{
			EventMeta: workflows.EventMeta{DeliveryID: key, DedupeKey: key, Kind: kind, OccurredAt: t0, ReceivedAt: t0.Add(at)},
			Facts:     workflows.CaseFacts{CaseID: "c1", Question: &workflows.Question{ID: "q1", Text: "Yes?", Status: workflows.QuestionPending}},
		}
	}
	asked := event(workflows.KindCaseInputNeeded, "e1", 30*time.Second)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(workflows.SignalOffloadEvents, []workflows.CaseEvent{asked, asked})
	}, time.Minute)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(workflows.SignalOffloadEvents, []workflows.CaseEvent{
			event(workflows.KindCaseCompleted, "e2", 2*time.Minute), event(workflows.KindCaseCompleted, "e3", 2*time.Minute),
		})
	}, 2*time.Minute)
	env.ExecuteWorkflow(workflows.OffloadCaseWorkflow, workflows.CaseStart{Reference: "r1", CaseID: "c1", Options: workflows.CaseOptions{ReconcileAfter: workflows.Duration(time.Hour)}})
	require.NoError(t, env.GetWorkflowError())

	require.EqualValues(t, 2, metrics.Count(workflows.MetricEvents, "result=applied"))
	require.EqualValues(t, 1, metrics.Count(workflows.MetricEvents, "result=duplicate"))
	require.EqualValues(t, 1, metrics.Count(workflows.MetricEvents, "result=late"), "it came after the end, in the same signal")
	times := metrics.Times(workflows.MetricApplied)
	require.Len(t, times, 2, "a repetition was applied before")
	require.InDelta(t, 30, times[0].Seconds(), 1)
	require.EqualValues(t, 1, metrics.Count(workflows.MetricCaseTransitions, "state=COMPLETED", "source=webhook"))
}
