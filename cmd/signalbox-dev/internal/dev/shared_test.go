package dev_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// shared is the one instance that the tests of this package use; its log is read by the test that looks for secrets.
var shared struct {
	*dev.Instance
	folder    string
	log       *lockedBuffer
	reference *referenceAccounts
	// uncertain is an Offload that makes each case and then loses the answer; it is the account of the same name.
	uncertain *offloadsim.Simulator
	// odd is an Offload that reports an undocumented status for a running case and serves no attachment; its account has the same name.
	odd *offloadsim.Simulator
}

// goneCallback is a callback that wants no more notices.
const goneCallback = "gone"

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (int, error) {
	testenv.Parallel(6)
	stickytest.Apply()
	folder, err := os.MkdirTemp("", "signalbox-dev-test-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	shared.folder, shared.log = folder, &lockedBuffer{}
	if err := payloadtest.Prepare(folder); err != nil {
		return 1, err
	}
	shared.reference = referenceProviders()
	defer shared.reference.close()
	o := options(folder, shared.log)
	o.UI = anyPort
	o.Accounts = shared.reference.accounts
	o.Agents = map[string]config.Agent{handOverAgent: {
		Secrets: []string{"handed-over-to-a-workflow"}, HandOver: &workflows.HandOver{WorkflowType: "handed-over", TaskQueue: "no-worker"},
	}}
	shared.uncertain, err = newSimulator(o.Pace, offloadsim.RouteCreate, offloadsim.FailResetAfter)
	if err == nil {
		shared.odd, err = newSimulator(o.Pace, offloadsim.RouteAttachment, offloadsim.FailInternal)
	}
	if err != nil {
		return 1, err
	}
	for name, handler := range map[string]http.Handler{"uncertain": shared.uncertain, "odd": http.HandlerFunc(serveOdd)} {
		server := httptest.NewServer(handler)
		defer server.Close()
		o.Accounts[name] = config.Account{BaseURL: server.URL, APIKey: "key"}
	}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer gone.Close()
	o.Callbacks = map[string]config.Callback{goneCallback: {URL: gone.URL, AllowPrivate: true, AllowHTTP: true}}
	shared.Instance, err = dev.Start(context.Background(), o)
	if err != nil {
		return 1, err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go stories.ResendAll(ctx, shared.Simulators.Offload, shared.uncertain, shared.odd)
	code := m.Run()
	return code, errors.Join(shared.Stop(), shared.uncertain.Close(), shared.odd.Close())
}

// newSimulator is an Offload that fails each call of a route.
func newSimulator(pace time.Duration, route offloadsim.Route, failure offloadsim.Failure) (*offloadsim.Simulator, error) {
	sim, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: "key", Owner: "test"}}, Pace: pace})
	if err == nil {
		err = sim.Calls.SetEventRates(string(route), map[offloadsim.Failure]float64{failure: 1})
	}
	return sim, err
}

// serveOdd answers reads of a case that waits for its first message with a status that Offload does not document.
func serveOdd(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	shared.odd.ServeHTTP(answer, r)
	maps.Copy(w.Header(), answer.Header())
	body := answer.Body.Bytes()
	if r.Method == http.MethodGet {
		body = bytes.ReplaceAll(body, []byte(`"status":"CREATED"`), []byte(`"status":"PARKED"`))
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // the caller may have gone
}

// options are those of an instance on free ports with impatient providers.
func options(folder string, log io.Writer) dev.Options {
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(log), zap.DebugLevel)
	return dev.Options{
		Data:           folder,
		Listen:         anyPort,
		InternalListen: anyPort,
		Temporal:       anyPort,
		Simulators:     anyPort,
		Pace:           20 * time.Millisecond,
		DynamicConfig: map[string]any{
			// The server rounds timers and retry delays up to about a second; tests would wait for that.
			"history.timerProcessorMaxTimeShift": 10 * time.Millisecond,
			// It must be more than a start takes.
			"worker.historyScannerDataMinAge": 20 * time.Second,
		},
		Log: zap.New(core),
	}
}

// lockedBuffer is a log that is written and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const anyPort = "127.0.0.1:0"

var providers = &http.Client{Timeout: time.Minute}

// post posts as a provider would and returns the status. It posts again while the ingress is busy.
func post(t testing.TB, url string, body string, header ...string) int {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := providers.Do(request)
		if err != nil {
			return 0, err
		}
		defer func() { _ = response.Body.Close() }()
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, err
	}, func(status int) bool { return !stories.Busy(status) })
}
