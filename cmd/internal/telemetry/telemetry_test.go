package telemetry_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func scrape(t *testing.T, m telemetry.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, recorder.Code)
	return recorder.Body.String()
}

// ofSDK are labels that the SDK adds.
var ofSDK = map[string]string{"namespace": "default", "client_name": "temporal_go", "task_queue": "signalbox", "workflow_type": "offload-case"}

func TestWhatWorkflowsCountIsServedWithItsLabelsAlone(t *testing.T) {
	t.Parallel()
	m, err := telemetry.New(zaptest.NewLogger(t))
	require.NoError(t, err)
	handler := m.Temporal.WithTags(ofSDK)
	handler.WithTags(map[string]string{"state": "COMPLETED", "source": "poll"}).Counter(workflows.MetricCaseTransitions).Inc(2)
	handler.WithTags(map[string]string{"result": "applied"}).Counter(workflows.MetricEvents).Inc(3)
	handler.Timer(workflows.MetricApplied).Record(40 * time.Millisecond)
	got := scrape(t, m)
	for _, want := range []string{
		"# TYPE signalbox_case_transitions_total counter",
		`signalbox_case_transitions_total{source="poll",state="COMPLETED"} 2`,
		`signalbox_workflow_events_total{result="applied",workflow_type="offload-case"} 3`,
		"# HELP signalbox_applied_seconds Time from",
		`signalbox_applied_seconds_bucket{workflow_type="offload-case",le="0.025"} 0`,
		`signalbox_applied_seconds_bucket{workflow_type="offload-case",le="0.05"} 1`,
	} {
		require.Contains(t, got, want)
	}
}

func TestMetricsOfTheSDKHaveTheirDocumentedNamesAndBucketsThatFit(t *testing.T) {
	t.Parallel()
	m, err := telemetry.New(zaptest.NewLogger(t))
	require.NoError(t, err)
	handler := m.Temporal.WithTags(ofSDK)
	handler.Counter("temporal_workflow_task_execution_failed").Inc(1)
	handler.Gauge("temporal_sticky_cache_size").Update(7)
	handler.Timer("temporal_request_latency").Record(3 * time.Millisecond)
	handler.Timer("temporal_workflow_endtoend_latency").Record(48 * time.Hour)
	got := scrape(t, m)
	for _, want := range []string{
		"# TYPE temporal_workflow_task_execution_failed_total counter",
		"# TYPE temporal_sticky_cache_size gauge",
		`temporal_request_latency_seconds_bucket{client_name="temporal_go",namespace="default",task_queue="signalbox",workflow_type="offload-case",le="0.0025"} 0`,
		`temporal_request_latency_seconds_bucket{client_name="temporal_go",namespace="default",task_queue="signalbox",workflow_type="offload-case",le="0.005"} 1`,
		`temporal_workflow_endtoend_latency_seconds_bucket{client_name="temporal_go",namespace="default",task_queue="signalbox",workflow_type="offload-case",le="86400"} 0`,
		`temporal_workflow_endtoend_latency_seconds_bucket{client_name="temporal_go",namespace="default",task_queue="signalbox",workflow_type="offload-case",le="604800"} 1`,
	} {
		require.Contains(t, got, want)
	}
}

func TestEventsAreCountedFromZero(t *testing.T) {
	t.Parallel()
	m, err := telemetry.New(zaptest.NewLogger(t))
	require.NoError(t, err)
	m.CountFromZero()
	require.Contains(t, scrape(t, m), `signalbox_workflow_events_total{result="late",workflow_type="artmail-activation"} 0`)
	m.Temporal.WithTags(ofSDK).WithTags(map[string]string{"result": "late"}).Counter(workflows.MetricEvents).Inc(1)
	got := scrape(t, m)
	require.Contains(t, got, `signalbox_workflow_events_total{result="late",workflow_type="offload-case"} 1`)
	require.Equal(t, 1, strings.Count(got, `signalbox_workflow_events_total{result="late",workflow_type="offload-case"}`))
}

// The contract's values are read from its source, so that a new one can't be forgotten here.
func TestEachValueOfTheContractIsCountedFromZero(t *testing.T) {
	t.Parallel()
	m, err := telemetry.New(zaptest.NewLogger(t))
	require.NoError(t, err)
	m.CountFromZero()
	got := scrape(t, m)
	source := ""
	for _, file := range []string{"case.go", "activation.go", "notice.go"} {
		text, err := os.ReadFile("../../../workflows/" + file)
		require.NoError(t, err)
		source += string(text)
	}
	for valueType, series := range map[string]string{
		"CaseStatus":       `signalbox_case_transitions_total{source="poll",state=%q} 0`,
		"NewsSource":       `signalbox_case_transitions_total{source=%q,state="COMPLETED"} 0`,
		"ActivationStatus": `signalbox_activation_transitions_total{state=%q} 0`,
		"NoticeKind":       `signalbox_notices_total{kind=%q,result="given_up"} 0`,
	} {
		values := regexp.MustCompile(`\s`+valueType+` += "([^"]*)"`).FindAllStringSubmatch(source, -1)
		require.Greater(t, len(values), 3, valueType)
		for _, value := range values {
			require.Contains(t, got, fmt.Sprintf(series, value[1]))
		}
	}
	require.Contains(t, got, `signalbox_case_files_total{result="differs"} 0`)
}

func TestPromtoolFindsNothingToImprove(t *testing.T) {
	t.Parallel()
	promtool := testenv.Program(t, "promtool", "prometheus")
	m, err := telemetry.New(zaptest.NewLogger(t))
	require.NoError(t, err)
	m.CountFromZero()
	m.Temporal.Timer(workflows.MetricApplied).Record(time.Second)
	command := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	command.Stdin = strings.NewReader(scrape(t, m))
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, string(said))
}
