package signalboxtest

import (
	"cmp"
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

// Fake controls a fake: what the providers do, what time it is, and what an operator does in Temporal.
type Fake struct {
	*Provider

	server   *server
	temporal client.Client
}

// Temporal returns the Temporal client under New's client, for code that makes its own clients. It is closed when the test ends.
func (f *Fake) Temporal() client.Client { return f.temporal }

// pipeBytes is the buffer size of the in-process connection.
const pipeBytes = 1 << 20

// New returns a client that uses a fake instead of Temporal. Both end with the test. The options are those of signalbox.New; with a
// keyring, API keys can be revealed.
func New(t T, options signalbox.Options) (*signalbox.Client, *Fake) {
	t.Helper()
	s := &server{executions: map[string][]*execution{}, changed: make(chan struct{})}
	fake := &Fake{server: s}
	fake.Provider = NewProvider(t, options.Keyring, s.now, s.deliver)
	fake.awaitStart = s.awaitStart
	s.provider = fake.Provider

	listener := bufconn.Listen(pipeBytes)
	grpcServer := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(grpcServer, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = grpcServer.Serve(listener) // Stop ends it
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

// Advance moves the fake's clock forward. All timers on the way fire, each at its time: deadlines pass, questions expire, runs become stale.
// The app can act only after that.
func (f *Fake) Advance(by time.Duration) {
	s := f.server
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.now().Add(by)
	for e := s.nextDue(until); e != nil; e = s.nextDue(until) {
		at := e.machine.wake().UTC()
		s.firing.Store(&at)
		s.settle(e)
	}
	s.ahead.Add(int64(by))
	s.firing.Store(nil)
}

// Now returns the fake's time.
func (f *Fake) Now() time.Time { return f.server.now() }

// Notices returns all notices so far that have a target, oldest first. The fake has no configuration, so only a start or an approval can
// name targets.
func (f *Fake) Notices() []workflows.PostedNotice {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	return slices.Clone(f.server.notices)
}

// Away makes Temporal unavailable, or available again. While it is unavailable, calls fail with signalbox.ErrUnavailable, and Wait keeps
// waiting.
func (f *Fake) Away(away bool) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.away = away
	f.server.wake()
}

// WorkersAway stops all workers from answering, or lets them answer again. While they are away, State and updates fail with
// signalbox.ErrUnavailable.
func (f *Fake) WorkersAway(away bool) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.workersAway = away
}

// AwaitAnswer waits until the app has answered the question, and returns the answer. It fails the test after ten seconds.
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
		f.t.Fatalf("signalboxtest: the app has not answered question %s of case %s within %s", questionID, reference, appTimeout)
	}
	return text
}

// Terminate terminates a workflow, as an operator does in Temporal. The workflow then has no outcome.
func (f *Fake) Terminate(workflowID string) {
	f.t.Helper()
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	e := f.server.newest(workflowID)
	if e == nil || e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		f.t.Fatalf("signalboxtest: terminate %s: it is not running", workflowID)
	}
	f.server.close(e, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, nil)
}

// server is an in-memory Temporal with the calls that the client needs.
type server struct {
	workflowservice.UnimplementedWorkflowServiceServer

	provider *Provider
	ahead    atomic.Int64              // the sum of all Advance, in nanoseconds
	firing   atomic.Pointer[time.Time] // the time of the timer that Advance fires; otherwise nil, and the clock runs

	mu          sync.Mutex
	executions  map[string][]*execution // by workflow ID, oldest first
	runs        int
	notices     []workflows.PostedNotice
	away        bool
	workersAway bool
	stopped     bool
	changed     chan struct{} // closed at the next change
}

func (s *server) now() time.Time {
	if at := s.firing.Load(); at != nil {
		return *at
	}
	// Temporal keeps times to the microsecond.
	return time.Now().Add(time.Duration(s.ahead.Load())).UTC().Truncate(time.Microsecond)
}

// nextDue returns the execution with the earliest timer; nil if none is due by then. Of two at the same time it returns the one that started
// first.
func (s *server) nextDue(until time.Time) *execution {
	var first *execution
	for workflowID := range s.executions {
		e := s.newest(workflowID)
		wake := e.machine.wake()
		if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || wake.IsZero() || wake.After(until) {
			continue
		}
		if first == nil || cmp.Or(wake.Compare(first.machine.wake()), cmp.Compare(e.runID, first.runID)) < 0 {
			first = e
		}
	}
	return first
}

func (s *server) newest(workflowID string) *execution {
	runs := s.executions[workflowID]
	if len(runs) == 0 {
		return nil
	}
	return runs[len(runs)-1]
}

// wake wakes long polls.
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

// settle carries out all effects of a change of an execution.
func (s *server) settle(e *execution) {
	if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return
	}
	result, done := e.machine.settle(s.now())
	s.notices = append(s.notices, e.machine.takeNotices()...)
	e.step()
	if done {
		s.close(e, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, result)
		return
	}
	s.wake()
}

// appTimeout is how long the fake waits for the app to act.
const appTimeout = 10 * time.Second

// await waits until holds returns true, and returns false if that takes longer than appTimeout. It calls holds with the lock held and
// returns with the lock held.
func (s *server) await(holds func() bool) bool {
	deadline := time.NewTimer(appTimeout)
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

// awaitStart waits until the app has started the workflow.
func (s *server) awaitStart(workflowID string) error {
	started := s.await(func() bool { return s.newest(workflowID) != nil })
	s.mu.Unlock()
	if !started {
		return fmt.Errorf("the app has not started %s within %s", workflowID, appTimeout)
	}
	return nil
}

// deliver delivers the provider's events to a workflow.
func (s *server) deliver(workflowID, signal string, start, events any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.newest(workflowID)
	if activation, ok := start.(workflows.ActivationStart); ok && e == nil {
		e = s.add(workflowID, workflows.ArtmailActivationWorkflow, newActivation(activation, s.now()), nil)
	}
	if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil // a late webhook changes nothing
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
