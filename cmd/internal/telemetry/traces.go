package telemetry

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	// instrumentation names the source of all spans.
	instrumentation = "github.com/signalbox-dev/signalbox"
	// flushTime is how long a stop waits for the last spans to be sent.
	flushTime = 2 * time.Second
	// complainEvery bounds the log lines about a collector that is away.
	complainEvery = 10 * time.Minute
)

// Traces are where the spans of a process go. Nil: nowhere, and no span is made.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *zap.Logger
}

// StartTraces sends spans over OTLP/HTTP to where OTEL_EXPORTER_OTLP_ENDPOINT says, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; without either it
// returns nil. The OpenTelemetry SDK reads its other OTEL_ variables by itself: sampler, service name, headers, TLS, batches. The error names
// every variable that can't be used. A collector that is away costs spans, and nothing else.
func StartTraces(ctx context.Context, log *zap.Logger) (*Traces, error) {
	settings, err := ReadTraceSettings(os.Environ())
	if err != nil || !settings.On() {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attribute.String("service.name", "signalbox")), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	log.Info("traces are sent", zap.String("to", settings.Endpoint), zap.String("sampler", settings.Sampler))
	return newTraces(&tolerant{SpanExporter: exporter, log: log, often: rate.Sometimes{First: 1, Interval: complainEvery}}, about, log), nil
}

// newTraces records no panic: its value could hold what was being read.
func newTraces(exporter sdktrace.SpanExporter, about *resource.Resource, log *zap.Logger) *Traces {
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about), sdktrace.WithoutPanicRecording())
	return &Traces{provider: provider, tracer: provider.Tracer(instrumentation), log: log}
}

// Close sends the last spans, for two seconds at most.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("last spans not sent", zap.Error(err))
	}
}

// Tracer makes the spans of ingress, relay and API; nil where traces are off.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.tracer
}

// Interceptors are for the Temporal client, whose workers use them too. Their order matters: the second tells the first what a workflow follows.
func (t *Traces) Interceptors() []interceptor.ClientInterceptor {
	if t == nil {
		return nil
	}
	return []interceptor.ClientInterceptor{interceptor.NewTracingInterceptor(temporalTracer{otel: t.tracer}), &following{}}
}

// tolerant logs failures now and then, and hides them from the OpenTelemetry SDK, which would print each.
type tolerant struct {
	sdktrace.SpanExporter
	log   *zap.Logger
	often rate.Sometimes
}

func (t *tolerant) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := t.SpanExporter.ExportSpans(ctx, spans); err != nil {
		t.often.Do(func() {
			t.log.Warn("spans not sent: see that the collector runs and OTEL_EXPORTER_OTLP_ENDPOINT names it", zap.Int("spans", len(spans)), zap.Error(err))
		})
	}
	return nil
}
