// Package telemetry makes the one set of metrics that a process serves: its own, and those of the Temporal SDK and of workflow code, which come
// through OpenTelemetry.
package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Metrics are what a process serves.
type Metrics struct {
	// Registry is for the process's own metrics; /metrics serves it.
	Registry *prometheus.Registry
	// Temporal is the handler for client.Options. Its metrics appear in Registry: counters with the suffix _total, times with _seconds.
	Temporal client.MetricsHandler
}

// New returns the metrics of a process, with those of Go and of the process in them.
func New(log *zap.Logger) (Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutTargetInfo(), exporter.WithoutScopeInfo())
	if err != nil {
		return Metrics{}, fmt.Errorf("export metrics of the Temporal SDK: %w", err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithView(view))
	handler := opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: provider.Meter("temporal"),
		// Otherwise counters are served as gauges.
		UseMonotonicCounters: true,
		OnError:              func(err error) { log.Error("metric of the Temporal SDK is not kept", zap.Error(err)) },
	})
	return Metrics{Registry: registry, Temporal: handler}, nil
}

// CountFromZero shows the counters of the workflows before they count: a rate needs a value to start from. It is for processes that run workers.
func (m Metrics) CountFromZero() {
	zero := func(counter string, labels map[string]string) { m.Temporal.WithTags(labels).Counter(counter).Inc(0) }
	for _, workflowType := range []string{workflows.OffloadCaseWorkflow, workflows.ArtmailActivationWorkflow} {
		for _, result := range workflows.EventResults() {
			zero(workflows.MetricEvents, map[string]string{"workflow_type": workflowType, "result": string(result)})
		}
	}
	for _, state := range workflows.CaseStatuses() {
		for _, source := range []workflows.NewsSource{
			workflows.NewsByWebhook, workflows.NewsByPoll, workflows.NewsByApp, workflows.NewsByClock, workflows.NewsByCreate,
		} {
			zero(workflows.MetricCaseTransitions, map[string]string{"state": string(state), "source": string(source)})
		}
	}
	for _, state := range workflows.ActivationStatuses() {
		zero(workflows.MetricActivationTransitions, map[string]string{"state": string(state)})
	}
	for _, kind := range []workflows.NoticeKind{
		workflows.NoticeCaseInputNeeded, workflows.NoticeCaseCompleted, workflows.NoticeCaseFailed, workflows.NoticeCaseExpired,
		workflows.NoticeCaseCancelled, workflows.NoticeCaseAttention, workflows.NoticeCaseFilesStored,
		workflows.NoticeApprovalApproved, workflows.NoticeApprovalRejected, workflows.NoticeApprovalExpired, workflows.NoticeApprovalVoided,
		workflows.NoticeApprovalCancelled, workflows.NoticeRunStaleWarning, workflows.NoticeRunForceFailed, workflows.NoticeRunVoided,
		workflows.NoticeActivationActivated, workflows.NoticeActivationPaused, workflows.NoticeActivationResumed, workflows.NoticeActivationDeactivated,
	} {
		for _, result := range []string{"delivered", "given_up", "dismissed"} {
			zero(workflows.MetricNotices, map[string]string{"kind": string(kind), "result": result})
		}
	}
	for _, result := range []string{"stored", "differs", "unstored"} {
		zero(workflows.MetricCaseFiles, map[string]string{"result": result})
	}
}

// ofWorkflows are the metrics of our workflow code: what they mean, and their labels. The SDK's further labels are left out.
var ofWorkflows = map[string]struct {
	help   string
	labels []attribute.Key
}{
	workflows.MetricCaseTransitions:       {"Changes of a case's status, by the new status and by source.", []attribute.Key{"state", "source"}},
	workflows.MetricActivationTransitions: {"Changes of an activation's status, by the new status.", []attribute.Key{"state"}},
	workflows.MetricEvents:                {"Events that workflows have processed, by result.", []attribute.Key{"workflow_type", "result"}},
	workflows.MetricApplied:               {"Time from a webhook's acceptance until its workflow has applied it.", []attribute.Key{"workflow_type"}},
	workflows.MetricNotices:               {"Notices that were delivered, given up or dismissed.", []attribute.Key{"kind", "result"}},
	workflows.MetricCaseFiles:             {"Files of ended cases, by whether they are stored.", []attribute.Key{"result"}},
}

const helpOfSDK = "A metric of the Temporal SDK; Temporal documents it."

// Buckets in seconds. The exporter's own begin with 5.
var (
	shortTimes = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	waitTimes  = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400}
	lifetimes  = []float64{.1, 1, 10, 60, 600, 3600, 21600, 86400, 7 * 86400, 30 * 86400}
)

// bucketsOf are those of times that last longer than a call.
var bucketsOf = map[string][]float64{
	workflows.MetricApplied:                            waitTimes,
	"temporal_workflow_task_schedule_to_start_latency": waitTimes,
	"temporal_activity_schedule_to_start_latency":      waitTimes,
	"temporal_workflow_endtoend_latency":               lifetimes,
	"temporal_activity_succeed_endtoend_latency":       lifetimes,
}

// view gives each metric its help, labels and buckets.
func view(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	stream := sdkmetric.Stream{Name: i.Name, Description: helpOfSDK, Unit: i.Unit}
	if ours, found := ofWorkflows[i.Name]; found {
		stream.Description, stream.AttributeFilter = ours.help, attribute.NewAllowKeysFilter(ours.labels...)
	}
	if i.Kind == sdkmetric.InstrumentKindHistogram {
		buckets, found := bucketsOf[i.Name]
		if !found {
			buckets = shortTimes
		}
		stream.Aggregation = sdkmetric.AggregationExplicitBucketHistogram{Boundaries: buckets, NoMinMax: true}
	}
	return stream, true
}
