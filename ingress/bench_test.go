package ingress_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
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
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// BenchmarkAccept is the accept path as a provider meets it: HTTP over loopback on 64 kept connections, token verified, body of
// 700 bytes sealed and on disk (fsync), then 204. The load generator shares the processors. One operation is one durable
// acknowledgement.
func BenchmarkAccept(b *testing.B) { benchmarkAccept(b, 0, nil, nil) }

// BenchmarkAcceptWithoutMetrics is the same while nothing is counted: metrics may cost 5 % at most. Compare medians of runs that alternate:
//
//	for i in $(seq 11); do go test ./ingress -run '^$' -bench 'Accept(WithoutMetrics)?$' -benchtime 30000x; done
func BenchmarkAcceptWithoutMetrics(b *testing.B) {
	benchmarkAccept(b, 0, nil, ingress.WithoutMetrics)
}

// BenchmarkAcceptWithTraces is the same while every webhook has a span, which is sent over OTLP to a receiver in this process; with
// OTEL_TRACES_SAMPLER a share of them. Traces may cost 10 % at most; compare medians of runs that alternate:
//
//	for i in $(seq 11); do go test ./ingress -run '^$' -bench 'Accept(WithTraces)?$' -benchtime 30000x; done
func BenchmarkAcceptWithTraces(b *testing.B) {
	provider, stop := exporting(b)
	benchmarkAccept(b, 0, provider.Tracer("bench"), nil)
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

// BenchmarkMetricsOfAWebhook is the part of BenchmarkAccept that counts: it shows the cost where runs differ by more than that.
func BenchmarkMetricsOfAWebhook(b *testing.B) {
	server, err := ingress.New(config(), ingress.Deps{Keys: nil, Inbox: &memory{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
	require.NoError(b, err)
	for b.Loop() {
		ingress.CountAccepted(server)
	}
}

// BenchmarkAcceptBesideStalledSenders is the same while 1,000 connections to an agent that does not exist have announced 1 MiB each, sent
// half of it and then stalled. At least 0.8 times as many acknowledgements are wanted.
func BenchmarkAcceptBesideStalledSenders(b *testing.B) { benchmarkAccept(b, 1000, nil, nil) }

func benchmarkAccept(b *testing.B, stalled int, tracer trace.Tracer, change func(*ingress.Server)) {
	store, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	keys, err := keyring.Generate()
	require.NoError(b, err)
	// Production's level and encoding, without the terminal's speed.
	logger := zap.NewNop()
	server, err := ingress.New(config(), ingress.Deps{Keys: keys, Inbox: store, Logger: logger, Metrics: prometheus.NewRegistry(), Tracer: tracer, Now: time.Now})
	require.NoError(b, err)
	if change != nil {
		change(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	defer func() { require.NoError(b, <-served) }()
	defer cancel()

	const connections = 64
	var left atomic.Int64
	left.Store(int64(b.N))
	waits := make([][]time.Duration, connections)
	clients := make([]*rawClient, connections)
	stall(b, listener.Addr().String(), stalled)
	for i := range clients {
		clients[i] = dial(b, listener.Addr().String(), keys, i)
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, client := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := client.post(); err != nil {
					b.Error(err)
					return
				}
				waits[i] = append(waits[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	for _, client := range clients {
		require.NoError(b, client.conn.Close())
	}
	all := slices.Concat(waits...)
	require.NotEmpty(b, all)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1e3, "p99-ms")
}

// stall opens the connections and returns when all have sent their half, or as much as the server took.
func stall(b *testing.B, address string, connections int) {
	b.Helper()
	request := fmt.Appendf(nil, "POST /webhooks/artmail/nobody HTTP/1.1\r\nHost: localhost\r\nX-Artmail-Signature: %064d\r\nContent-Length: %d\r\n\r\n%s", 0, 1<<20, bytes.Repeat([]byte(" "), 512<<10))
	var sent sync.WaitGroup
	for range connections {
		conn, err := net.Dial("tcp", address)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		require.NoError(b, conn.SetWriteDeadline(time.Now().Add(5*time.Second)))
		sent.Go(func() { _, _ = conn.Write(request) }) // the server may cut it
	}
	sent.Wait()
}

// rawClient writes requests made beforehand on one kept connection: what it costs is not the server's.
type rawClient struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	// number is where the request's event_id has its digits.
	number []byte
	count  int
}

func dial(b *testing.B, address string, keys *keyring.Ring, n int) *rawClient {
	conn, err := net.Dial("tcp", address)
	require.NoError(b, err)
	reference := fmt.Sprintf("bench-%04d", n)
	const digits = "000000000000"
	body := fmt.Appendf(nil, `{"event_id":"evt_4fc5904d-0e44-4ed3-aa57-%s","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f","clientReferenceId":%q,"status":"COMPLETED","channel":"EMAIL","attemptCount":2,"attachments":[{"attachmentId":"63016fee-124b-46d8-a3e5-616f187a6c41","name":"vendor-w9.pdf","size":904860,"type":"application/pdf","messageId":"<message-id@example.com>","inboxId":"dev-test@agentmail.to","receivedAt":1774131900000}],"resultStatus":"goal_achieved","result":{"signedW9Received":true,"receivedAt":"2026-03-21T15:42:00Z"},"metadata":{"vendorId":"vendor_2048"}}}`, digits, reference)
	path := workflows.OffloadWebhookPath(reference, keys.Token(workflows.OffloadTokenContext(reference)...))
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body))
	request = append(request, body...)
	at := bytes.Index(request, []byte(digits))
	return &rawClient{conn: conn, reader: bufio.NewReader(conn), request: request, number: request[at : at+len(digits)]}
}

func (c *rawClient) post() error {
	c.count++
	digits := strconv.AppendInt(nil, int64(c.count), 10)
	copy(c.number[len(c.number)-len(digits):], digits)
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	status, err := c.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 204")) {
		return fmt.Errorf("answered %q", status)
	}
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			return nil
		}
	}
}
