package service_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// wire is a connection to an ingress below HTTP.
type wire struct {
	net.Conn
	t *testing.T
}

func connect(t *testing.T, url string) wire {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return wire{conn, t}
}

func (w wire) send(format string, args ...any) {
	w.t.Helper()
	_, err := fmt.Fprintf(w, format, args...)
	require.NoError(w.t, err)
}

func (w wire) askHealth() { w.t.Helper(); w.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") }

func (w wire) status() int {
	w.t.Helper()
	status := w.statusOr0()
	require.NotZero(w.t, status, "no answer")
	return status
}

// statusOr0 returns 0 if the connection ends without an answer.
func (w wire) statusOr0() int {
	w.t.Helper()
	require.NoError(w.t, w.SetReadDeadline(time.Now().Add(time.Minute)))
	response, err := http.ReadResponse(bufio.NewReader(w), nil)
	if err != nil {
		return 0
	}
	require.NoError(w.t, response.Body.Close())
	return response.StatusCode
}

// quiet says that nothing comes on the connection for a moment.
func (w wire) quiet() bool {
	w.t.Helper()
	require.NoError(w.t, w.SetReadDeadline(time.Now().Add(500*time.Millisecond)))
	_, err := w.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func TestAConnectionOverTheLimitClosesAnUnverifiedOne(t *testing.T) {
	t.Parallel()
	c := receiver(t)
	c.MaxConnections = 2
	url := startIngress(t, c, newRing(t), nowhere)
	first := connect(t, url)
	first.askHealth()
	require.Equal(t, 200, first.status())
	second := connect(t, url)
	second.askHealth()
	require.Equal(t, 200, second.status())
	_, err := first.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestAnIdleConnectionIsClosedAfterTheSetting(t *testing.T) {
	t.Parallel()
	c := receiver(t)
	c.IdleTimeout = 50 * time.Millisecond
	conn := connect(t, startIngress(t, c, newRing(t), nowhere))
	conn.askHealth()
	require.Equal(t, 200, conn.status())
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// refusedAs posts a bad token for a source that a proxy names.
func refusedAs(t *testing.T, poster *http.Client, url, source string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhooks/offload/order-1/guess", strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("X-Forwarded-For", source)
	response, err := poster.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func newPoster(t *testing.T) *http.Client {
	t.Helper()
	poster := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(poster.CloseIdleConnections)
	return poster
}

func TestSourcesBehindATrustedProxyAreLimitedSeparately(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		other   int
	}{
		"trusted": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, 401},
		"unknown": {nil, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := receiver(t)
			settings.TrustedProxies = c.trusted
			url, poster := startIngress(t, settings, newRing(t), nowhere), newPoster(t)
			// An allowance comes back with time, so it may take more than one try to find both used up.
			testenv.Eventually(t, func(context.Context) (int, error) {
				status, err := refusedAs(t, poster, url, "203.0.113.7")
				for status == 401 && err == nil {
					status, err = refusedAs(t, poster, url, "203.0.113.7")
				}
				if err != nil {
					return status, err
				}
				return refusedAs(t, poster, url, "203.0.113.8")
			}, func(status int) bool { return status == c.other })
		})
	}
}

func TestBytesInFlightAreBoundedBySettings(t *testing.T) {
	t.Parallel()
	const size = 60 << 10
	for name, c := range map[string]struct {
		verified, unverified int64
		path                 func(token string) string
	}{
		"verified":   {100 << 10, 10 << 20, ownURL},
		"unverified": {10 << 20, 100 << 10, agentURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := receiver(t)
			settings.MaxBody, settings.MaxInFlight, settings.MaxUnverifiedInFlight = 64<<10, c.verified, c.unverified
			ring := newRing(t)
			url, poster := startIngress(t, settings, ring, nowhere), newPoster(t)
			token := ring.Token(workflows.OffloadTokenContext("order-1")...)
			body := strings.Repeat(" ", size)
			post := func(path string) (int, error) {
				response, err := poster.Post(url+path, "application/json", strings.NewReader(body))
				if err != nil {
					return 0, err
				}
				return response.StatusCode, response.Body.Close()
			}
			testenv.Eventually(t, func(context.Context) (int, error) { return post(ownURL(token)) }, func(status int) bool { return status == 204 }) // it is up
			// On a busy machine the slow one may be cut for its own slowness, or the other's time be over: then they come again.
			testenv.Eventually(t, func(context.Context) (bool, error) {
				slow := connect(t, url)
				_, err := fmt.Fprintf(slow, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", c.path(token), size, body[:size-1])
				if err != nil || !slow.quiet() { // its bytes are read, and the last one is waited for
					return false, err
				}
				status, err := post(c.path(token))
				return (status == 204 || status == 401) && slow.statusOr0() == 503, err
			}, func(madeRoom bool) bool { return madeRoom })
		})
	}
}

func ownURL(token string) string { return workflows.OffloadWebhookPath("order-1", token) }

func agentURL(string) string { return "/webhooks/artmail/nobody" }

// polledStub is as much of a Temporal server as a worker needs to poll, and remembers the rates that it polls with.
type polledStub struct {
	workflowservice.UnimplementedWorkflowServiceServer
	operatorservice.UnimplementedOperatorServiceServer
	mu    sync.Mutex
	rates map[string]float64
}

func (s *polledStub) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *polledStub) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func (s *polledStub) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	attributes := map[string]enumspb.IndexedValueType{}
	for name, kind := range worker.SearchAttributes() {
		attributes[name] = kind
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: attributes}, nil
}

func (s *polledStub) CountWorkflowExecutions(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	return &workflowservice.CountWorkflowExecutionsResponse{}, nil
}

func (s *polledStub) PollWorkflowTaskQueue(ctx context.Context, _ *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *polledStub) PollActivityTaskQueue(ctx context.Context, r *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	s.note(r.GetTaskQueue(), r.GetTaskQueueMetadata())
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *polledStub) note(queue *taskqueuepb.TaskQueue, metadata *taskqueuepb.TaskQueueMetadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates[queue.GetName()] = metadata.GetMaxTasksPerSecond().GetValue()
}

func (s *polledStub) rate(queue string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rates[queue]
}

// serveGRPC serves as Temporal until the test ends, and returns the address.
func serveGRPC(t *testing.T, register func(*grpc.Server)) string {
	t.Helper()
	server := grpc.NewServer()
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

// startPolled serves the stubs of Temporal's services until the test ends.
func startPolled(t *testing.T, service workflowservice.WorkflowServiceServer, operator operatorservice.OperatorServiceServer) string {
	t.Helper()
	return serveGRPC(t, func(server *grpc.Server) {
		workflowservice.RegisterWorkflowServiceServer(server, service)
		operatorservice.RegisterOperatorServiceServer(server, operator)
	})
}

// working is the settings of workers.
func working() config.Config {
	return config.Config{
		PublicURL: "https://hooks.example.com", BucketMaxFile: 1,
		Accounts: map[string]config.Account{"default": {BaseURL: "https://offload.example.com", APIKey: "k"}},
	}
}

func TestTheRatesOfOffloadAreSentToTheServer(t *testing.T) {
	t.Parallel()
	stub := &polledStub{rates: map[string]float64{}}
	c := working()
	c.OffloadCallsPerSecond, c.OffloadReadsPerSecond = 2.5, 20
	r := run(t, c, config.Worker, newRing(t), client.Options{HostPort: startPolled(t, stub, stub)})
	require.Eventually(t, func() bool {
		return stub.rate(workflows.TaskQueueOffload) == 2.5 && stub.rate(workflows.TaskQueueOffloadPoll) == 20
	}, time.Minute, 5*time.Millisecond)
	r.stop()
	<-r.ended
	require.NoError(t, r.err)
}
