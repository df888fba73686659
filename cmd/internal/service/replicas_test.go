package service_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// temporalStub is as much of a Temporal server as a relay needs: it takes signals to any workflow, and remembers their events.
type temporalStub struct {
	workflowservice.UnimplementedWorkflowServiceServer
	mu     sync.Mutex
	events map[string][]string
}

func (s *temporalStub) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *temporalStub) DescribeWorkflowExecution(context.Context, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.ToStatus(serviceerror.NewNotFound("workflow not found for ID")).Err()
}

func (s *temporalStub) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	var events []workflows.CaseEvent
	if err := converter.GetDefaultDataConverter().FromPayloads(r.GetInput(), &events); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		id := r.GetWorkflowExecution().GetWorkflowId()
		// At least once: what comes again comes late, and a workflow does not count it twice.
		if !slices.Contains(s.events[id], e.DedupeKey) {
			s.events[id] = append(s.events[id], e.DedupeKey)
		}
	}
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

func (s *temporalStub) seen(reference string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events[workflows.OffloadCaseWorkflowID(reference)])
}

func startTemporalStub(t *testing.T) (*temporalStub, string) {
	t.Helper()
	stub := &temporalStub{events: map[string][]string{}}
	return stub, serveGRPC(t, func(server *grpc.Server) { workflowservice.RegisterWorkflowServiceServer(server, stub) })
}

// running is a process that runs until the test ends, or until stop.
type running struct {
	url, internal string
	logs          *observer.ObservedLogs
	// stop asks for the stop; ended is closed after it, and err is then what Run returned.
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

func run(t *testing.T, c config.Config, parts config.Part, ring *keyring.Ring, temporal client.Options) *running {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	r := &running{logs: logs, ended: make(chan struct{})}
	listen := func() (net.Listener, string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return listener, "http://" + listener.Addr().String()
	}
	var listener, internal net.Listener
	if parts&config.Ingress != 0 {
		listener, r.url = listen()
	}
	internal, r.internal = listen()
	c.Internal.Listen = internal.Addr().String()
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() {
		defer close(r.ended)
		r.err = service.Run(ctx, service.Settings{
			Config: c, Parts: parts, Keyring: ring, Temporal: temporal, Log: zap.New(core), Listener: listener, InternalListener: internal,
		})
	}()
	t.Cleanup(func() {
		r.stop()
		<-r.ended
	})
	return r
}

// startIngress runs a whole ingress until the test ends, and returns where it listens.
func startIngress(t *testing.T, c config.Config, ring *keyring.Ring, temporal string) string {
	t.Helper()
	r := run(t, c, config.Ingress, ring, client.Options{HostPort: temporal})
	t.Cleanup(func() {
		r.stop()
		<-r.ended
		require.NoError(t, r.err)
	})
	return r.url
}

// Each case's events go to the two replicas in turns, and the database is killed in the middle.
func TestTwoIngressesOnOneDatabaseKeepOrderAndLoseNothing(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	address := database.Database(t)
	ring, err := keyring.Generate()
	require.NoError(t, err)
	temporal, temporalAddress := startTemporalStub(t)
	c := config.Config{Inbox: address, MaxBody: 1 << 20, Drain: 10 * time.Second, KeepBodies: time.Hour, KeepRows: time.Hour}
	replicas := []string{startIngress(t, c, ring, temporalAddress), startIngress(t, c, ring, temporalAddress)}

	const cases, events = 6, 30
	poster := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(poster.CloseIdleConnections)
	var half, posting sync.WaitGroup
	half.Add(cases)
	for n := range cases {
		posting.Go(func() {
			reference := fmt.Sprint("vendor_", n)
			path := workflows.OffloadWebhookPath(reference, ring.Token(workflows.OffloadTokenContext(reference)...))
			for i := range events {
				if i == events/2 {
					half.Done()
				}
				body := fmt.Appendf(nil, `{"event_id":"evt_%d_%02d","event_type":"case.completed","data":{"caseId":"c%d","status":"COMPLETED"}}`, n, i, n)
				// As a provider does: again until it is accepted.
				if !assertEventually(t, func() bool { return post(t, poster, replicas[i%len(replicas)]+path, body) }) {
					return
				}
			}
		})
	}
	half.Wait()
	database.Kill(t)
	database.Restart(t)
	posting.Wait()

	for n := range cases {
		var want []string
		for i := range events {
			want = append(want, fmt.Sprintf("case.completed/evt_%d_%02d", n, i))
		}
		reference := fmt.Sprint("vendor_", n)
		require.Eventually(t, func() bool { return len(temporal.seen(reference)) == events }, 2*time.Minute, 5*time.Millisecond, "%v", temporal.seen(reference))
		require.Equal(t, want, temporal.seen(reference))
	}
	store, err := postgres.Open(t.Context(), address, postgres.Options{NoMigrate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.Eventually(t, func() bool {
		counts, err := store.Counts(t.Context())
		return err == nil && counts[inbox.StateDelivered] == cases*events && counts[inbox.StatePending] == 0
	}, 2*time.Minute, 5*time.Millisecond)
}

// assertEventually is for goroutines, where a test can't be ended.
func assertEventually(t *testing.T, condition func() bool) bool {
	deadline := time.After(3 * time.Minute)
	for !condition() {
		select {
		case <-deadline:
			t.Error("never accepted")
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}

func post(t *testing.T, poster *http.Client, url string, body []byte) bool {
	response, err := poster.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Log(err)
		return false
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != 204 && response.StatusCode != 503 {
		t.Errorf("answered %s", response.Status)
	}
	return response.StatusCode == 204
}
