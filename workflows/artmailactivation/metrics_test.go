package artmailactivation_test

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
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/internal/metricstest"
)

func TestEachEventIsCountedByItsResultAndTimedFromItsAcceptance(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	metrics := metricstest.New()
	var suite testsuite.WorkflowTestSuite
	suite.SetMetricsHandler(metrics)
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(began)
	env.SetTestTimeout(2 * time.Minute)
	// A busy machine, with the race detector on, takes longer for a workflow task than the second that the SDK allows.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.ArtmailActivationWorkflowID("w9", "a1"), TaskQueue: workflows.TaskQueueWorkflows})
	env.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	env.RegisterActivityWithOptions(func(workflows.HandOff) (workflows.HandOffResult, error) {
		return workflows.HandOffResult{}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	event := func(kind, key string, occurred time.Duration) workflows.ActivationEvent {
		return workflows.ActivationEvent{EventMeta: workflows.EventMeta{
			DeliveryID: key, DedupeKey: key, Kind: kind, OccurredAt: began.Add(occurred), ReceivedAt: began.Add(30 * time.Second),
		}}
	}
	paused := event(workflows.KindAgentPaused, "e2", 20*time.Second)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(workflows.SignalArtmailEvents, []workflows.ActivationEvent{
			event(workflows.KindAgentActivated, "e1", 10*time.Second), paused, paused, event("agent.unheard_of", "e4", 25*time.Second),
		})
	}, time.Minute)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(workflows.SignalArtmailEvents, []workflows.ActivationEvent{
			event(workflows.KindAgentResumed, "e5", 15*time.Second), event(workflows.KindAgentDeactivated, "e6", 40*time.Second),
		})
	}, 2*time.Minute)
	env.ExecuteWorkflow(workflows.ArtmailActivationWorkflow, workflows.ActivationStart{Agent: "w9", ActivationID: "a1"})
	require.NoError(t, env.GetWorkflowError())

	for result, want := range map[string]int64{"applied": 3, "duplicate": 1, "late": 1, "ignored": 1} {
		require.Equal(t, want, metrics.Count(workflows.MetricEvents, "result="+result), result)
	}
	times := metrics.Times(workflows.MetricApplied)
	require.Len(t, times, 3)
	require.InDelta(t, 30, times[0].Seconds(), 1)
}
