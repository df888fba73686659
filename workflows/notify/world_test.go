package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/notify"
)

const (
	source = "offload-case/vendor_2048"

	day = 24 * time.Hour
)

var (
	t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

	app     = workflows.Target{WorkflowID: "app", Signal: "case-news"}
	finance = workflows.Target{WorkflowID: "finance", Signal: "case-news"}
)

func after(d time.Duration) time.Time { return t0.Add(d) }

// step is an outside event at a time after the start.
type step struct {
	at time.Duration
	do func(w *world)
}

// scenario is one story of a source's notices. Each play builds a new one.
type scenario struct {
	// down says from when until when a target is down, by workflow ID; refused are targets that Temporal refuses permanently.
	down    map[string][2]time.Duration
	refused map[string]bool
	steps   []step
	check   func(t *testing.T, w *world)
}

// delivered is a notice that a target received.
type delivered struct {
	to  string
	seq int64
	at  time.Duration
}

// world plays a scenario, over all runs of the workflow.
type world struct {
	t        *testing.T
	scenario scenario
	env      *testsuite.TestWorkflowEnvironment
	runs     int
	end      workflows.NotifyState
	err      error
	ended    time.Duration

	mu         sync.Mutex
	got        []delivered
	refusals   []string
	attributes temporal.SearchAttributes
}

// play runs the workflow until a run does not continue as new. Steps that are due between two runs happen in the second.
func play(t *testing.T, every int, s scenario) *world {
	t.Helper()
	w := &world{t: t, scenario: s}
	var input any = workflows.NotifyStart{}
	for now := t0; ; {
		require.Less(t, w.runs, 300, "it continues as new for ever")
		w.runs++
		next, done := w.run(every, input, now)
		now = w.env.Now()
		if done {
			w.ended = now.Sub(t0)
			return w
		}
		input = next
	}
}

func (w *world) run(every int, input any, now time.Time) (next notify.Input, done bool) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	w.env = suite.NewTestWorkflowEnvironment()
	env := w.env
	env.SetStartTime(now)
	env.SetTestTimeout(2 * time.Minute)
	// On a busy machine with the race detector, a workflow task can take longer than the default limit of one second.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetWorkflowRunTimeout(365 * day)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.NotifyWorkflowID(source), TaskQueue: workflows.TaskQueueWorkflows})
	require.NoError(w.t, env.SetTypedSearchAttributesOnStart(w.attributes))
	env.RegisterWorkflowWithOptions(w.observed(notify.ContinuingAfter(every)), workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	env.RegisterActivityWithOptions(func(ctx context.Context, s workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
		return w.signal(ctx, env, s)
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeSignal})
	for i := range w.scenario.steps {
		s := &w.scenario.steps[i]
		if s.do == nil {
			continue
		}
		env.RegisterDelayedCallback(func() {
			if s.do != nil && !env.IsWorkflowCompleted() {
				do := s.do
				s.do = nil
				do(w)
			}
		}, max(0, after(s.at).Sub(now)))
	}

	env.ExecuteWorkflow(workflows.NotifyWorkflow, input)
	require.True(w.t, env.IsWorkflowCompleted())
	w.err = env.GetWorkflowError()
	var continued *workflow.ContinueAsNewError
	if errors.As(w.err, &continued) {
		require.Equal(w.t, workflows.NotifyWorkflow, continued.WorkflowType.Name)
		require.NoError(w.t, converter.GetDefaultDataConverter().FromPayloads(continued.Input, &next))
		return next, false
	}
	if w.err == nil {
		require.NoError(w.t, env.GetWorkflowResult(&w.end))
	}
	return next, true
}

type notifyWorkflow = func(workflow.Context, notify.Input) (workflows.NotifyState, error)

// observed wraps the workflow and reads its search attributes at the end of each run, because they survive the run.
func (w *world) observed(live notifyWorkflow) notifyWorkflow {
	return func(ctx workflow.Context, in notify.Input) (workflows.NotifyState, error) {
		state, err := live(ctx, in)
		w.attributes = workflow.GetTypedSearchAttributes(ctx)
		return state, err
	}
}

// signal plays the activity. The test environment makes at most ten attempts, so the later ones are hours apart.
func (w *world) signal(ctx context.Context, env *testsuite.TestWorkflowEnvironment, s workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := env.Now().Sub(t0)
	attempt := workflows.NoticeDelivery{Attempts: int(activity.GetInfo(ctx).Attempt)}
	if w.scenario.refused[s.To.WorkflowID] {
		return workflows.NoticeDelivery{}, temporal.NewApplicationErrorWithOptions("invalid argument", workflows.ErrTypeNoticeInvalid,
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{attempt}})
	}
	if away, found := w.scenario.down[s.To.WorkflowID]; found && now >= away[0] && now < away[1] {
		options := temporal.ApplicationErrorOptions{Details: []any{attempt}}
		if attempt.Attempts > 4 {
			options.NextRetryDelay = 18 * time.Hour
		}
		return workflows.NoticeDelivery{}, temporal.NewApplicationErrorWithOptions("workflow not found", workflows.ErrTypeNoticeUndelivered, options)
	}
	w.got = append(w.got, delivered{to: s.To.WorkflowID, seq: s.Notice.Seq, at: now})
	if s.Notice.Data.Question == nil {
		return workflows.NoticeDelivery{}, temporal.NewNonRetryableApplicationError("it has no data", "Test", nil)
	}
	return attempt, nil
}

// received lists the notices that a target received, in order and without repetitions: a running delivery is repeated in the next run.
func (w *world) received(to workflows.Target) []int64 {
	var list []int64
	for _, d := range w.got {
		if d.to == to.WorkflowID && !slices.Contains(list, d.seq) {
			list = append(list, d.seq)
		}
	}
	return list
}

// receivedAt returns when a target first received a notice.
func (w *world) receivedAt(to workflows.Target, seq int64) time.Duration {
	for _, d := range w.got {
		if d.to == to.WorkflowID && d.seq == seq {
			return d.at
		}
	}
	require.Fail(w.t, "not delivered", "%s %d", to.WorkflowID, seq)
	return 0
}

func (w *world) attention() []string {
	list, _ := w.attributes.GetKeywordList(temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention))
	return list
}

func (w *world) state() workflows.NotifyState {
	value, err := w.env.QueryWorkflow(workflows.QueryState)
	require.NoError(w.t, err)
	var state workflows.NotifyState
	require.NoError(w.t, value.Get(&state))
	return state
}

// statuses returns the notices as "target seq status".
func statuses(state workflows.NotifyState) []string {
	var list []string
	for _, n := range state.Notices {
		list = append(list, fmt.Sprintf("%s %d %s", n.To.WorkflowID, n.Seq, n.Status))
	}
	return list
}

func notice(seq int64, to workflows.Target, made time.Duration) workflows.AddressedNotice {
	return workflows.AddressedNotice{
		Notice: workflows.Notice{
			ID: fmt.Sprintf("ntc_%d", seq), Seq: seq, Kind: workflows.NoticeCaseInputNeeded, Source: source, Reference: "vendor_2048", Time: after(made),
			Data: workflows.NoticeData{Question: &workflows.Question{ID: "q1", Text: "Is a signed PDF acceptable?"}},
		},
		To: []workflows.Target{to},
	}
}

// handOff sends notices in one signal.
func handOff(at time.Duration, notices ...workflows.AddressedNotice) step {
	return step{at, func(w *world) { w.env.SignalWorkflow(workflows.SignalNotices, notices) }}
}

// updates sends an update that must be accepted.
func updates(at time.Duration, name string, selected workflows.SelectNotices, want int) step {
	return step{at, func(w *world) {
		w.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { require.NoError(w.t, err) },
			OnAccept: func() {},
			OnComplete: func(result any, err error) {
				require.NoError(w.t, err)
				text, err := json.Marshal(result)
				require.NoError(w.t, err)
				require.JSONEq(w.t, fmt.Sprintf(`{"notices":%d}`, want), string(text))
			},
		}, selected)
	}}
}

// isRefused sends an update that must be refused with the type.
func isRefused(at time.Duration, name string, selected workflows.SelectNotices, want string) step {
	return step{at, func(w *world) {
		w.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnReject: func(err error) {
				var application *temporal.ApplicationError
				require.ErrorAs(w.t, err, &application)
				require.Equal(w.t, want, application.Type())
				require.True(w.t, application.NonRetryable())
				w.refusals = append(w.refusals, want)
			},
			OnAccept:   func() { require.Fail(w.t, "accepted") },
			OnComplete: func(any, error) {},
		}, selected)
	}}
}

// stands checks the statuses of the notices at a time.
func stands(at time.Duration, want ...string) step {
	return step{at, func(w *world) { require.Equal(w.t, want, statuses(w.state()), "after %s in run %d", at, w.runs) }}
}
