package offloadapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

const (
	testKey     = "key-of-the-test-account"
	testWebhook = "https://hooks.example.com/webhooks/offload/order-7/token-of-fifty-characters"
	caseID      = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"
)

var testNow = time.Date(2026, 3, 21, 15, 42, 0, 0, time.UTC)

func clock() time.Time { return testNow }

func newClient(t testing.TB, cfg offloadapi.Config) *offloadapi.Client {
	t.Helper()
	cfg.APIKey, cfg.Now = testKey, clock
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	client, err := offloadapi.New(cfg)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// serve answers every request with handler, and counts them.
func serve(t testing.TB, handler http.HandlerFunc) (client *offloadapi.Client, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return newClient(t, offloadapi.Config{BaseURL: server.URL}), requests
}

func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// wire is a TCP server: it passes each connection to serve, and counts connections and the requests that were read from them.
type wire struct {
	url         string
	connections atomic.Int64
	requests    atomic.Int64
}

func listen(t testing.TB, serve func(w *wire, conn *net.TCPConn)) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{url: "http://" + listener.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.connections.Add(1)
			serve(w, conn.(*net.TCPConn))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return w
}

// read reads one whole request.
func (w *wire) read(conn net.Conn) {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, request.Body); err == nil {
		w.requests.Add(1)
	}
}

func validCreate() workflows.CaseRequest {
	return workflows.CaseRequest{
		Channel:       "EMAIL",
		Goal:          workflows.CaseGoal{Objective: "Get the signed W-9"},
		Counterparty:  workflows.Counterparty{Address: "vendor@example.com", Name: "Vendor"},
		SenderPersona: workflows.SenderPersona{Name: "Ada"},
	}
}
