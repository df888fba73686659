package ingress_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// BenchmarkAccept is the accept path as a provider meets it: HTTP over loopback on 64 kept connections, token verified, body of
// 700 bytes sealed and on disk (fsync), then 204. The load generator shares the processors. One operation is one durable
// acknowledgement.
func BenchmarkAccept(b *testing.B) { benchmarkAccept(b, 0, nil) }

// BenchmarkAcceptWithTraces is the same while every webhook has a span, which is sent over OTLP to a receiver in this process; with
// OTEL_TRACES_SAMPLER a share of them. Traces may cost 10 % at most; compare medians of runs that alternate:
//
//	for i in $(seq 11); do go test ./ingress -run '^$' -bench 'Accept(WithTraces)?$' -benchtime 30000x; done
func BenchmarkAcceptWithTraces(b *testing.B) {
	provider, stop := exporting(b)
	benchmarkAccept(b, 0, provider.Tracer("bench"))
	stop()
}

// BenchmarkTracesOfAWebhook is the part of BenchmarkAcceptWithTraces that traces, the sending of the span included.
func BenchmarkTracesOfAWebhook(b *testing.B) {
	provider, stop := exporting(b)
	server, err := ingress.New(config(), ingress.Deps{
		Keys: nil, Inbox: &memory{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Tracer: provider.Tracer("bench"), Now: time.Now,
	})
	require.NoError(b, err)
	at := time.Now()
	d := inbox.Delivery{ID: inbox.NewID(at), Provider: offload.Name, Kind: workflows.KindCaseCompleted, State: inbox.StatePending, ReceivedAt: at}
	e := echo.New()
	request := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	c := e.NewContext(request, httptest.NewRecorder())
	for b.Loop() {
		c.Reset(request, nil)
		c.SetPath(workflows.OffloadWebhookRoute)
		ingress.TraceAccepted(server, c, d)
	}
	stop()
}

// exporting sends spans over OTLP to a receiver in this process; stop sends the last ones and checks that they came.
func exporting(b *testing.B) (provider *sdktrace.TracerProvider, stop func()) {
	b.Helper()
	received := 0
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body) // the client may have gone
		received += int(n)
	}))
	exporter, err := otlptracehttp.New(b.Context(), otlptracehttp.WithEndpointURL(collector.URL+"/v1/traces"))
	require.NoError(b, err)
	provider = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	return provider, func() {
		require.NoError(b, provider.Shutdown(b.Context()))
		collector.Close()
		if b.N > 1 { // the first call of a benchmark may sample nothing
			require.Positive(b, received)
		}
	}
}

// BenchmarkMetricsOfAWebhook measures the metrics of one webhook alone: their share of BenchmarkAccept is less than its runs differ by.
func BenchmarkMetricsOfAWebhook(b *testing.B) {
	server, err := ingress.New(config(), ingress.Deps{Keys: nil, Inbox: &memory{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
	require.NoError(b, err)
	for b.Loop() {
		ingress.CountAccepted(server)
	}
}

// BenchmarkAcceptBesideStalledSenders is the same beside 1,000 connections to an agent that does not exist, which have announced 1 MiB
// each, sent half of it and then stalled. It must reach at least 0.8 times as many acknowledgements.
func BenchmarkAcceptBesideStalledSenders(b *testing.B) { benchmarkAccept(b, 1000, nil) }

func benchmarkAccept(b *testing.B, stalled int, tracer trace.Tracer) {
	store, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	keys, err := keyring.Generate()
	require.NoError(b, err)
	server, err := ingress.New(config(), ingress.Deps{
		Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Tracer: tracer, Now: time.Now,
	})
	require.NoError(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	defer func() { require.NoError(b, <-served) }()
	defer cancel()

	end, err := loadtest.Stall(b.Context(), listener.Addr().String(), stalled)
	require.NoError(b, err)
	defer end()
	var numbers atomic.Int64
	load := loadtest.Load{Address: listener.Addr().String(), Requests: loadtest.ForCases(keys, 64, &numbers), Count: b.N}
	b.ResetTimer()
	result, err := load.Run(b.Context())
	b.StopTimer()
	require.NoError(b, err)
	require.Equal(b, b.N, result.Count)
	b.ReportMetric(float64(result.Count)/result.Took.Seconds(), "acks/s")
	b.ReportMetric(loadtest.Quantile(result.Waits, 0.50), "p50-ms")
	b.ReportMetric(loadtest.Quantile(result.Waits, 0.99), "p99-ms")
}
