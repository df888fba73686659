package ingress_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) {
	if serveOnALimitedDisk() {
		return
	}
	testenv.RunWithoutLeaks(m)
}

const (
	agent        = "copywriter"
	agentSecret  = "artmail-webhook-secret"
	sharedSecret = "shared-route-secret"
)

// fixture is a server on loopback before the real SQLite inbox.
type fixture struct {
	url      string
	store    inbox.Store
	keys     *keyring.Ring
	logs     *observer.ObservedLogs
	registry *prometheus.Registry
	spans    *tracetest.SpanRecorder
	client   *http.Client
	// drain begins the drain delay; stop begins the stop itself and returns what Serve returned.
	drain func()
	stop  func() error
	// notListening is closed once the listener is.
	notListening chan struct{}
}

// listener closes a channel when it is closed.
type listener struct {
	net.Listener
	closed func()
}

func (l listener) Close() error {
	defer l.closed()
	return l.Listener.Close()
}

// config gives a slow disk and a slow sender a minute: tests of these bounds set their own.
func config() ingress.Config {
	return ingress.Config{
		Agents: map[string][]string{agent: {agentSecret}}, SharedSecrets: []string{sharedSecret},
		OffloadBudget: time.Minute, ArtmailBudget: time.Minute, ReadTimeout: time.Minute, StopTimeout: 2 * time.Minute,
	}
}

// start starts a server whose clock is ahead, so that an unverified body has a minute more. Only the deadlines of connections are real.
func start(tb testing.TB, config ingress.Config, wrap func(inbox.Store) inbox.Store) *fixture {
	tb.Helper()
	ahead := &clock{}
	ahead.add(time.Minute)
	return startAt(tb, ahead.now, config, wrap)
}

// startAt starts a server with a clock.
func startAt(tb testing.TB, now func() time.Time, config ingress.Config, wrap func(inbox.Store) inbox.Store) *fixture {
	tb.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(tb.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	keys, err := keyring.Generate()
	require.NoError(tb, err)
	core, logs := observer.New(zap.DebugLevel)
	f := &fixture{store: store, keys: keys, logs: logs, registry: prometheus.NewRegistry()}
	if wrap != nil {
		f.store = wrap(store)
	}
	f.spans = tracetest.NewSpanRecorder()
	config.Quarantine.StopTimeout = cmp.Or(config.Quarantine.StopTimeout, time.Minute)
	server, err := ingress.New(config, ingress.Deps{
		Keys: keys, Inbox: f.store, Logger: zap.New(core), Metrics: f.registry, Now: now,
		Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(f.spans)).Tracer("test"),
	})
	require.NoError(tb, err)
	f.drain = server.Drain
	loopback, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	f.url, f.notListening = "http://"+loopback.Addr().String(), make(chan struct{})
	closed := sync.OnceFunc(func() { close(f.notListening) })

	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener{loopback, closed}) }()
	f.stop = func() error {
		cancel()
		err := <-served
		served <- nil
		return err
	}
	transport := &http.Transport{}
	f.client = &http.Client{Transport: transport, Timeout: time.Minute}
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(tb, f.stop())
	})
	return f
}

func (f *fixture) offloadPath(reference string) string {
	return workflows.OffloadWebhookPath(reference, f.keys.Token(workflows.OffloadTokenContext(reference)...))
}

type answer struct {
	status int
	body   string
	header http.Header
}

func (f *fixture) do(tb testing.TB, method, path string, body []byte, header ...string) answer {
	tb.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, f.url+path, bytes.NewReader(body))
	require.NoError(tb, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := f.client.Do(request)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, response.Body.Close()) }()
	got, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return answer{status: response.StatusCode, body: string(got), header: response.Header}
}

func (f *fixture) post(tb testing.TB, path, body string, header ...string) answer {
	tb.Helper()
	return f.do(tb, http.MethodPost, path, []byte(body), header...)
}

func (f *fixture) postArtmail(tb testing.TB, body string) answer {
	tb.Helper()
	return f.post(tb, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), agentSecret))
}

// kept returns everything in the inbox, the newest first.
func (f *fixture) kept(tb testing.TB) []inbox.Delivery {
	tb.Helper()
	page, err := f.store.List(context.Background(), inbox.Filter{Limit: inbox.MaxPage})
	require.NoError(tb, err)
	return page.Deliveries
}

// opened returns the plain body of a delivery.
func (f *fixture) opened(tb testing.TB, d inbox.Delivery) string {
	tb.Helper()
	full, err := f.store.Get(context.Background(), d.ID)
	require.NoError(tb, err)
	plain, err := f.keys.Open(full.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
	require.NoError(tb, err)
	return string(plain)
}

// ready waits until /readyz says so: on a busy machine a check may take longer than its second.
func (f *fixture) ready(tb testing.TB) (got answer) {
	tb.Helper()
	eventually(tb, "ready", func() bool {
		got = f.do(tb, http.MethodGet, "/readyz", nil)
		return got.status == http.StatusOK
	})
	return got
}

// eventually waits for a condition that another goroutine brings about.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	require.Eventually(tb, condition, time.Minute, 5*time.Millisecond, what)
}

// metrics is what a scrape shows, one line for each value.
func (f *fixture) metrics(tb testing.TB) string {
	tb.Helper()
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}
