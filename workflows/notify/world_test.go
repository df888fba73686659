package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
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

	mu       sync.Mutex
	got      []delivered
	refusals []string
	// started is the size of all deliveries that each run has started, as JSON.
	started    map[int]int
	attributes temporal.SearchAttributes
	hold       storytest.Hold
}

// play plays the scenario until a run ends for good.
func play(t *testing.T, every int, s scenario) *world {
	t.Helper()
	w := &world{t: t, scenario: s, started: map[int]int{}}
	story := storytest.Story[notify.Input, workflows.NotifyState]{
		Type: workflows.NotifyWorkflow, ID: workflows.NotifyWorkflowID(source), Code: notify.ContinuingAfter(every),
		Start: workflows.NotifyStart{}, Begin: t0, Attributes: &w.attributes, Hold: &w.hold, Prepare: w.prepare,
	}
	for _, one := range s.steps {
		story.Steps = append(story.Steps, storytest.Step{At: one.at, Do: func() { one.do(w) }})
	}
	var ended time.Time
	w.end, ended, w.err = story.Play(t)
	w.ended = ended.Sub(t0)
	return w
}

func (w *world) prepare(env *testsuite.TestWorkflowEnvironment) {
	w.env = env
	w.runs++
	env.SetWorkflowRunTimeout(365 * day)
	env.RegisterActivityWithOptions(func(ctx context.Context, s workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
		return w.signal(ctx, env, s)
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeSignal})
}

// signal plays the activity. The test environment makes at most ten attempts, so the later ones are hours apart.
func (w *world) signal(ctx context.Context, env *testsuite.TestWorkflowEnvironment, s workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := env.Now().Sub(t0)
	if activity.GetInfo(ctx).Attempt == 1 {
		text, err := json.Marshal(s)
		require.NoError(w.t, err)
		w.started[w.runs] += len(text)
	}
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
