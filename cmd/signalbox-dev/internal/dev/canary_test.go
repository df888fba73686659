package dev_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// step is one check in the doctor's JSON output.
type step struct {
	Check   string
	OK      bool
	Detail  string
	Seconds float64
}

// canaryWithin bounds all steps of a canary together. Where the last step never comes, the earlier ones must have had time on a slow machine.
const canaryWithin = 2 * time.Minute

// runCanary runs `signalbox doctor worker --canary` and returns the canary's steps and the exit status. A canary makes each call once, so it runs again
// where a busy machine refused one.
func runCanary(t *testing.T, temporal, keys, ingress string) (steps []step, status int) {
	t.Helper()
	const tries = 5
	for range tries {
		steps, status = runCanaryOnce(t, temporal, keys, ingress)
		last := steps[len(steps)-1]
		busy := slices.ContainsFunc([]string{"503", "unavailable", "deadline"}, func(says string) bool { return strings.Contains(strings.ToLower(last.Detail), says) })
		if last.OK || last.Check == "canary apply" || !busy {
			break
		}
	}
	return steps, status
}

func runCanaryOnce(t *testing.T, temporal, keys, ingress string) (steps []step, status int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), productionBinary(t), "doctor", "worker", "--json", "--canary", "--canary-timeout", canaryWithin.String())
	testenv.KillWithParent(command)
	command.Env = []string{
		"HOME=" + t.TempDir(), "TEMPORAL_ADDRESS=" + temporal, "SIGNALBOX_KEYRING=" + keys, "SIGNALBOX_PUBLIC_URL=" + ingress,
		"SIGNALBOX_OFFLOAD_BASE_URL=http://127.0.0.1:1", "SIGNALBOX_OFFLOAD_API_KEY=key-1",
	}
	output, err := command.Output()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	var all []step
	require.NoError(t, json.Unmarshal(output, &all), string(output))
	defer func() { require.NotEmpty(t, steps, string(output)) }()
	for _, s := range all {
		if strings.HasPrefix(s.Check, "canary ") {
			steps = append(steps, s)
		}
	}
	return steps, command.ProcessState.ExitCode()
}

func TestTheCanaryTimesEachStepAndLeavesAnEndedCase(t *testing.T) {
	t.Parallel()
	began := time.Now().UTC()
	steps, status := runCanary(t, shared.TemporalAddress(), filepath.Join(shared.folder, "keyring.json"), shared.IngressURL())
	require.Len(t, steps, 5, "%+v", steps)
	took := 0.0
	for _, s := range steps {
		require.True(t, s.OK, "%+v", s)
		require.GreaterOrEqual(t, s.Seconds, 0.0, "%+v", s) // Temporal may have a signal before the ingress has answered
		took += s.Seconds
	}
	require.Positive(t, took)
	require.Zero(t, status)
	testenv.Eventually(t, func(ctx context.Context) ([]string, error) {
		found, err := shared.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: "WorkflowId STARTS_WITH '" + workflows.OffloadCaseWorkflowID(workflows.CanaryReference("")) + "' AND StartTime >= '" + began.Format(time.RFC3339Nano) + "'",
		})
		var states []string
		for _, execution := range found.GetExecutions() {
			states = append(states, execution.GetStatus().String())
		}
		return states, err
	}, func(states []string) bool {
		completed, terminated := enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED.String(), enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED.String()
		failed := slices.DeleteFunc(slices.Clone(states), func(state string) bool { return state != terminated }) // tries that a busy machine refused
		return len(states) == len(failed)+1 && slices.Contains(states, completed)
	})
}

// A worker that takes signals but no longer applies them looks healthy: it polls, and its tasks succeed.
func TestTheCanaryAndTheAlertFindAWorkerThatDoesNotApplyEvents(t *testing.T) {
	t.Parallel()
	s := startSplit(t)
	metrics, err := telemetry.New(zap.NewNop())
	require.NoError(t, err)
	metrics.CountFromZero()
	connected, err := s.temporal.Dial(t.Context(), func(o *client.Options) { o.MetricsHandler = metrics.Temporal })
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	deaf := sdkworker.New(connected, workflows.TaskQueueWorkflows, sdkworker.Options{})
	deaf.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.CaseStart) error {
		events := workflow.GetSignalChannel(ctx, workflows.SignalOffloadEvents)
		for {
			events.Receive(ctx, nil)
		}
	}, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	require.NoError(t, deaf.Start())
	t.Cleanup(deaf.Stop)
	worker := httptest.NewServer(promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}))
	t.Cleanup(worker.Close)
	processes := map[string]string{"ingress": s.ingress, "worker": worker.URL}
	before := served(t, processes)

	steps, status := runCanary(t, s.temporal.FrontendAddr(), s.keyring(), s.public)
	require.NotZero(t, status)
	require.Len(t, steps, 5, "%+v", steps)
	for _, s := range steps[:4] {
		require.True(t, s.OK, "%+v", s)
	}
	require.Equal(t, "canary apply", steps[4].Check)
	require.False(t, steps[4].OK)
	require.Contains(t, steps[4].Detail, "does not apply")

	// The doctor terminates a canary whose event was not applied.
	testenv.Eventually(t, func(ctx context.Context) (int, error) {
		found, err := connected.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'"})
		return len(found.GetExecutions()), err
	}, func(running int) bool { return running == 0 })

	after := served(t, processes)
	require.InDelta(t, 1, valueOf(after["ingress"], "signalbox_relay_events_total", "provider", "offload"), 0)
	require.Zero(t, valueOf(after["worker"], "signalbox_workflow_events_total", "workflow_type", workflows.OffloadCaseWorkflow))
	evaluate(t, eventsNotApplied, before, after, true)
}
