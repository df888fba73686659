package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
)

func recorded(t *testing.T) (*Traces, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	return &Traces{provider: provider, tracer: provider.Tracer("test"), log: zap.NewNop()}, spans
}

func environ(variables map[string]string) (list []string) {
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

func TestTracesAreSentWhereTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	const all = "parentbased_always_on"
	for name, c := range map[string]struct {
		env  map[string]string
		want TraceSettings
	}{
		"nothing":                      {nil, TraceSettings{}},
		"a base":                       {map[string]string{envEndpoint: "http://collector:4318"}, TraceSettings{"http://collector:4318/v1/traces", all}},
		"a base with path":             {map[string]string{envEndpoint: "https://collector/otlp/"}, TraceSettings{"https://collector/otlp/v1/traces", all}},
		"for traces alone":             {map[string]string{envEndpoint: "http://one:4318", envTracesEndpoint: "http://two:4318/x"}, TraceSettings{"http://two:4318/x", all}},
		"with a password":              {map[string]string{envTracesEndpoint: "http://ada:secret@two/x?key=secret"}, TraceSettings{"http://two/x", all}},
		"a share":                      {map[string]string{envEndpoint: "http://one", envSampler: "traceidratio", envSamplerArg: "0.1"}, TraceSettings{"http://one/v1/traces", "traceidratio 0.1"}},
		"the SDK is off":               {map[string]string{envEndpoint: "http://one", "OTEL_SDK_DISABLED": "true"}, TraceSettings{}},
		"off, with what is for others": {map[string]string{envEndpoint: "http://one", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_SDK_DISABLED": "true"}, TraceSettings{}},
		"no endpoint":                  {map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, TraceSettings{}},
		"no exporter":                  {map[string]string{envEndpoint: "http://one", "OTEL_TRACES_EXPORTER": "none"}, TraceSettings{}},
		"a known protocol":             {map[string]string{envEndpoint: "http://one", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, TraceSettings{"http://one/v1/traces", all}},
		"only a sampler":               {map[string]string{envSampler: "always_off"}, TraceSettings{Sampler: "always_off"}},
		"the same exporter":            {map[string]string{envEndpoint: "http://one", "OTEL_TRACES_EXPORTER": "otlp"}, TraceSettings{"http://one/v1/traces", all}},
	} {
		got, err := ReadTraceSettings(environ(c.env))
		require.NoError(t, err, name)
		require.Equal(t, c.want.Endpoint, got.Endpoint, name)
		require.Equal(t, c.want.Endpoint != "", got.On(), name)
		if got.On() {
			require.Equal(t, c.want.Sampler, got.Sampler, name)
		}
	}
	_, err := ReadTraceSettings(environ(map[string]string{
		envEndpoint: "collector:4318", envTracesEndpoint: "http://ada:secret@%zz", envSampler: "often", "OTEL_TRACES_EXPORTER": "zipkin",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}))
	for _, variable := range []string{envEndpoint, envTracesEndpoint, envSampler, "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		require.ErrorContains(t, err, variable+":")
	}
	require.NotContains(t, err.Error(), "secret")
	_, err = ReadTraceSettings(environ(map[string]string{envEndpoint: "http://one", envSampler: "parentbased_traceidratio", envSamplerArg: "2"}))
	require.ErrorContains(t, err, envSamplerArg)
}

func TestTracesThatAreOffLeaveEverythingAsItIs(t *testing.T) {
	for _, name := range []string{envEndpoint, envTracesEndpoint} {
		t.Setenv(name, "")
	}
	off, err := StartTraces(t.Context(), zap.NewNop())
	require.NoError(t, err)
	require.Nil(t, off)
	require.Nil(t, off.Tracer())
	require.Empty(t, off.Interceptors())
	require.Equal(t, http.DefaultTransport, off.Transport(http.DefaultTransport))
	ctx, end := off.Call(t.Context(), "offload", "get case")
	end("ok", true)
	require.Equal(t, t.Context(), ctx)
	off.Close()
}

func TestACollectorThatIsAwayIsLoggedOnceAndHoldsUpNoStop(t *testing.T) {
	const away = "127.0.0.1:1"
	t.Setenv(envEndpoint, "http://"+away)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600000") // the stop does not rely on it
	core, logs := observer.New(zap.InfoLevel)
	traces, err := StartTraces(t.Context(), zap.New(core))
	require.NoError(t, err)
	require.Equal(t, "http://"+away+"/v1/traces", logs.FilterMessage("traces are sent").All()[0].ContextMap()["to"])
	for range 3 {
		_, span := traces.Tracer().Start(t.Context(), "x")
		span.End()
		require.NoError(t, traces.provider.ForceFlush(t.Context()), "a failure is hidden from the SDK")
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		traces.Close()
	}()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("the stop waits for the collector")
	}
	require.Len(t, logs.FilterLevelExact(zap.WarnLevel).FilterMessageSnippet("spans not sent: see").All(), 1)
}

func TestSpansReachACollectorBeforeTheStop(t *testing.T) {
	got := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the client may have gone
		got <- r.URL.Path + string(body)
	}))
	t.Cleanup(collector.Close)
	t.Setenv(envEndpoint, collector.URL)
	t.Setenv("OTEL_SERVICE_NAME", "signalbox-eu")
	var sent string
	for range 10 { // the stop waits for a time that a busy machine may need for other things
		traces, err := StartTraces(t.Context(), zap.NewNop())
		require.NoError(t, err)
		_, span := traces.Tracer().Start(t.Context(), "the last one")
		span.End()
		traces.Close()
		if len(got) > 0 {
			sent = <-got
			break
		}
	}
	require.Contains(t, sent, "/v1/traces")
	require.Contains(t, sent, "the last one")
	require.Contains(t, sent, "signalbox-eu")
}

func TestTheTextOfAnErrorStandsInNoSpan(t *testing.T) {
	t.Parallel()
	const words = "Ada said no"
	for _, c := range []struct {
		err    error
		name   string
		status codes.Code
	}{
		{temporal.NewApplicationError(words, "OffloadRefused"), "OffloadRefused", codes.Error},
		{fmt.Errorf("read: %w", temporal.NewApplicationError(words, "OffloadRefused")), "OffloadRefused", codes.Error},
		{temporal.NewApplicationErrorWithOptions(words, "OffloadNoNews", temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign}), "OffloadNoNews", codes.Unset},
		{errors.New(words), "*errors.errorString", codes.Error},
	} {
		traces, spans := recorded(t)
		made, err := temporalTracer{otel: traces.tracer}.StartSpan(&interceptor.TracerStartSpanOptions{Operation: "RunActivity", Name: "x", Tags: map[string]string{"temporalWorkflowID": "offload-case/1"}})
		require.NoError(t, err)
		made.Finish(&interceptor.TracerFinishSpanOptions{Error: c.err})
		span := spans.Ended()[0]
		require.Empty(t, span.Events())
		require.Equal(t, c.status, span.Status().Code)
		require.NotContains(t, fmt.Sprint(span.Status(), span.Attributes()), words)
		require.Contains(t, span.Attributes(), attribute.String("error.type", c.name))
		require.Contains(t, span.Attributes(), attribute.String("temporalWorkflowID", "offload-case/1"))
	}
}

func TestAReadThatWaitsForNewsBeginsATraceWithALink(t *testing.T) {
	t.Parallel()
	traces, spans := recorded(t)
	tracer := temporalTracer{otel: traces.tracer}
	_, scheduled := traces.tracer.Start(t.Context(), "scheduled")
	for _, activity := range []string{workflows.ActivityOffloadReconcileCase, workflows.ActivityOffloadGetCase} {
		made, err := tracer.StartSpan(&interceptor.TracerStartSpanOptions{Operation: "RunActivity", Name: activity, Parent: span{Span: scheduled}})
		require.NoError(t, err)
		made.Finish(&interceptor.TracerFinishSpanOptions{})
	}
	poll, read := spans.Ended()[0], spans.Ended()[1]
	require.NotEqual(t, scheduled.SpanContext().TraceID(), poll.SpanContext().TraceID())
	require.Equal(t, scheduled.SpanContext().SpanID(), poll.Links()[0].SpanContext.SpanID())
	require.Equal(t, scheduled.SpanContext().SpanID(), read.Parent().SpanID())
}

func TestAPostSendsItsPlaceInTheTraceAndItsSpanNamesNoPath(t *testing.T) {
	t.Parallel()
	traces, spans := recorded(t)
	status, header := http.StatusOK, ""
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("traceparent")
		w.WriteHeader(status)
	}))
	poster := &http.Client{Transport: traces.Transport(http.DefaultTransport)}
	for _, status = range []int{200, 500} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, receiver.URL+"/hook/secret?key=secret", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer secret")
		response, err := poster.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Empty(t, request.Header.Get("traceparent"), "a RoundTripper must not change the request")
	}
	receiver.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/hook/secret", http.NoBody)
	require.NoError(t, err)
	_, err = poster.Do(request) //nolint:bodyclose // there is none
	require.Error(t, err)
	require.Len(t, spans.Ended(), 3)
	last := spans.Ended()[1]
	require.Equal(t, fmt.Sprintf("00-%s-%s-01", last.SpanContext().TraceID(), last.SpanContext().SpanID()), header)
	for i, want := range []codes.Code{codes.Unset, codes.Error, codes.Error} {
		span := spans.Ended()[i]
		require.Equal(t, want, span.Status().Code)
		require.Equal(t, trace.SpanKindClient, span.SpanKind())
		require.Contains(t, span.Attributes(), attribute.String("server.address", "127.0.0.1"))
		require.NotContains(t, fmt.Sprint(span.Name(), span.Attributes(), span.Status(), span.Events()), "secret")
	}
}

// What was recorded without traces replays with them: a process may turn them on while its workflows run.
func TestHistoriesWithoutTracesReplayWithThem(t *testing.T) {
	t.Parallel()
	traces := newTraces(tracetest.NewInMemoryExporter(), resource.Empty(), zap.NewNop())
	t.Cleanup(traces.Close)
	var interceptors []interceptor.WorkerInterceptor
	for _, one := range traces.Interceptors() {
		asWorker, ok := one.(interceptor.WorkerInterceptor)
		require.True(t, ok)
		interceptors = append(interceptors, asWorker)
	}
	replayed := 0
	for folder, w := range map[string]struct {
		name string
		code any
	}{
		"offloadcase":       {workflows.OffloadCaseWorkflow, offloadcase.Workflow},
		"artmailactivation": {workflows.ArtmailActivationWorkflow, artmailactivation.Workflow},
		"notify":            {workflows.NotifyWorkflow, notify.Workflow},
		"offloadfiles":      {workflows.OffloadFilesWorkflow, offloadfiles.Workflow},
	} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", "workflows", folder, "testdata", "histories", "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			content, err := os.Open(file)
			require.NoError(t, err)
			history, err := client.HistoryFromJSON(content, client.HistoryJSONOptions{})
			require.NoError(t, errors.Join(err, content.Close()))
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: interceptors, DisableDeadlockDetection: true})
			require.NoError(t, err)
			replayer.RegisterWorkflowWithOptions(w.code, workflow.RegisterOptions{Name: w.name})
			started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
				worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()}}), file)
			replayed++
		}
	}
	require.Greater(t, replayed, 20)
}
