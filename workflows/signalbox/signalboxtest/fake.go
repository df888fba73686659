package signalboxtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Fake is the control of a fake: what providers do, what time it is, and what an operator does in Temporal.
type Fake struct {
	*Provider

	server   *server
	temporal client.Client
}

// Temporal is the client that New's client works with, for code that makes its own. It is closed when the test ends.
func (f *Fake) Temporal() client.Client { return f.temporal }

// pipeBytes is the buffer of the connection in the process.
const pipeBytes = 1 << 20

// New returns a client over a fake that ends with the test. options are those of signalbox.New: with a keyring, API keys can be revealed.
func New(t T, options signalbox.Options) (*signalbox.Client, *Fake) {
	t.Helper()
	s := &server{executions: map[string][]*execution{}, changed: make(chan struct{})}
	fake := &Fake{server: s}
	fake.Provider = NewProvider(t, options.Keyring, s.now, s.deliver)
	s.provider = fake.Provider

	listener := bufconn.Listen(pipeBytes)
	grpcServer := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(grpcServer, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = grpcServer.Serve(listener) // it ends by Stop
	}()
	temporal, err := client.NewLazyClient(client.Options{
		HostPort: "passthrough:///fake",
		Logger:   sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		}},
	})
	if err != nil {
		t.Fatalf("signalboxtest: %v", err)
	}
	fake.temporal = temporal
	apps, err := signalbox.New(temporal, options)
	if err != nil {
		t.Fatalf("signalboxtest: %v", err)
	}
	t.Cleanup(func() {
		temporal.Close()
		s.stop()
		grpcServer.Stop()
		<-served
	})
	return apps, fake
}

// Advance moves the fake's clock on: deadlines pass, questions expire, runs become stale.
func (f *Fake) Advance(by time.Duration) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.ahead.Add(int64(by))
	for _, runs := range f.server.executions {
		f.server.settle(runs[len(runs)-1])
	}
}

// Now is the fake's time.
func (f *Fake) Now() time.Time { return f.server.now() }

// Notices are all notices so far that have a target, in the order in which they were made. The fake knows no configuration, so these are the
// targets that a start or an approval names.
func (f *Fake) Notices() []workflows.PostedNotice {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	return slices.Clone(f.server.notices)
}

// Away lets Temporal be away, or come back: calls then fail with signalbox.ErrUnavailable, and Wait goes on waiting.
func (f *Fake) Away(away bool) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.away = away
	f.server.wake()
}

// WorkersAway lets no worker answer, or answer again: State and updates then fail.
func (f *Fake) WorkersAway(away bool) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.workersAway = away
}

// AwaitAnswer waits, for ten seconds at most, until the app has answered the question, and returns what it said.
func (f *Fake) AwaitAnswer(reference, questionID string) string {
	f.t.Helper()
	var text string
	answered := f.server.await(func() bool {
		e := f.server.newest(workflows.OffloadCaseWorkflowID(reference))
		if e == nil {
			return false
		}
		state, _ := e.machine.view().(workflows.CaseState)
		for _, answer := range state.Answers {
			if answer.QuestionID == questionID {
				text = answer.Text
				return true
			}
		}
		return false
	})
	f.server.mu.Unlock()
	if !answered {
		f.t.Fatalf("signalboxtest: the app has not answered question %s of case %s within %s", questionID, reference, patience)
	}
	return text
}

// Terminate ends a workflow as an operator does in Temporal: it has no outcome.
func (f *Fake) Terminate(workflowID string) {
	f.t.Helper()
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	e := f.server.newest(workflowID)
	if e == nil || e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		f.t.Fatalf("signalboxtest: %s does not run", workflowID)
	}
	f.server.close(e, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, nil)
}

// server is a Temporal in memory, as far as the client needs one.
type server struct {
	workflowservice.UnimplementedWorkflowServiceServer

	provider *Provider
	ahead    atomic.Int64 // how far the clock was moved on

	mu          sync.Mutex
	executions  map[string][]*execution // by workflow ID, the oldest first
	runs        int
	notices     []workflows.PostedNotice
	away        bool
	workersAway bool
	stopped     bool
	changed     chan struct{} // closed at the next change
}

func (s *server) now() time.Time {
	// Temporal keeps no finer times.
	return time.Now().Add(time.Duration(s.ahead.Load())).UTC().Truncate(time.Microsecond)
}

func (s *server) newest(workflowID string) *execution {
	runs := s.executions[workflowID]
	if len(runs) == 0 {
		return nil
	}
	return runs[len(runs)-1]
}

// wake lets long polls look again.
func (s *server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.wake()
}

// settle carries out what follows from a change of an execution.
func (s *server) settle(e *execution) {
	if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return
	}
	result, done := e.machine.settle(s.now())
	s.notices = append(s.notices, e.machine.told()...)
	e.step()
	if done {
		s.close(e, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, result)
		return
	}
	s.wake()
}

// patience is how long the fake waits for what the app is to do.
const patience = 10 * time.Second

// await waits until holds, which is called with the lock held, and returns with the lock held. It is false where that takes too long.
func (s *server) await(holds func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	s.mu.Lock()
	for !holds() {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
			s.mu.Lock()
		case <-deadline.C:
			s.mu.Lock()
			return holds()
		}
	}
	return true
}

// deliver is how the provider's events get to a workflow. It waits for the app to start it.
func (s *server) deliver(workflowID, signal string, start, events any) error {
	s.await(func() bool { return start != nil || s.newest(workflowID) != nil })
	defer s.mu.Unlock()
	e := s.newest(workflowID)
	if activation, ok := start.(workflows.ActivationStart); ok && e == nil {
		e = s.add(workflowID, workflows.ArtmailActivationWorkflow, newActivation(activation, s.now()), nil)
	}
	if e == nil {
		return fmt.Errorf("the app has not started %s within %s", workflowID, patience)
	}
	if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil // a webhook that comes late changes nothing
	}
	raw, err := encode(events)
	if err != nil {
		return err
	}
	if err := e.machine.signal(signal, raw, s.now()); err != nil {
		return err
	}
	s.settle(e)
	return nil
}
