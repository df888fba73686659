package offloadcase_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
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
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

// step is an outside event at a time after the start.
type step struct {
	at time.Duration
	do func(w *world)
}

// scenario is one story of a case. Each play builds a new one.
type scenario struct {
	start    workflows.CaseStart
	provider *provider
	steps    []step
	// awayUntil is when hand-offs begin to succeed; refused makes Temporal refuse each permanently.
	awayUntil time.Duration
	refused   bool
	// handOffTakes is how long each hand-off takes.
	handOffTakes time.Duration
	// workflowID is the workflow ID of the start; empty means the right one.
	workflowID string
	check      func(t *testing.T, w *world)
}

// world plays a scenario, over all runs of the workflow.
type world struct {
	t        *testing.T
	scenario scenario
	env      *testsuite.TestWorkflowEnvironment
	runs     int
	outcome  workflows.CaseOutcome
	err      error
	ended    time.Time

	mu         sync.Mutex
	refused    []string
	notices    []workflows.Notice
	files      []workflows.FilesStart
	handOffs   int
	attributes temporal.SearchAttributes
	canceled   []string
	timers     int
}

// play runs the workflow until a run does not continue as new. Steps that are due between two runs happen in the second.
func play(t *testing.T, every int, s scenario) *world {
	t.Helper()
	w := &world{t: t, scenario: s}
	var input any = s.start
	for now := t0; ; {
		require.Less(t, w.runs, 200, "it continues as new forever")
		w.runs++
		next, done := w.run(every, input, now)
		now = w.env.Now()
		if done {
			w.ended = now.UTC()
			return w
		}
		input = next
	}
}

func (w *world) run(every int, input any, now time.Time) (next offloadcase.Input, done bool) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	w.env = suite.NewTestWorkflowEnvironment()
	env := w.env
	env.SetStartTime(now)
	env.SetTestTimeout(2 * time.Minute)
	// On a busy machine with the race detector, a workflow task can take longer than the default limit of one second.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: cmp.Or(w.scenario.workflowID, workflows.OffloadCaseWorkflowID(w.scenario.start.Normalized().Reference)), TaskQueue: workflows.TaskQueueWorkflows,
	})
	require.NoError(w.t, env.SetTypedSearchAttributesOnStart(w.attributes))
	env.RegisterWorkflowWithOptions(w.observed(offloadcase.ContinuingAfter(every)), workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	w.scenario.provider.register(env)
	w.listen()
	w.schedule(now)

	env.ExecuteWorkflow(workflows.OffloadCaseWorkflow, input)
	require.True(w.t, env.IsWorkflowCompleted())
	w.err = env.GetWorkflowError()
	var continued *workflow.ContinueAsNewError
	if errors.As(w.err, &continued) {
		require.Equal(w.t, workflows.OffloadCaseWorkflow, continued.WorkflowType.Name)
		require.NoError(w.t, converter.GetDefaultDataConverter().FromPayloads(continued.Input, &next))
		return next, false
	}
	if w.err == nil {
		require.NoError(w.t, env.GetWorkflowResult(&w.outcome))
	}
	return next, true
}

// observed wraps the workflow and reads its search attributes at the end of each run, because they survive the run.
func (w *world) observed(follow caseWorkflow) caseWorkflow {
	return func(ctx workflow.Context, in offloadcase.Input) (workflows.CaseOutcome, error) {
		outcome, err := follow(ctx, in)
		w.attributes = workflow.GetTypedSearchAttributes(ctx)
		return outcome, err
	}
}

type caseWorkflow = func(workflow.Context, offloadcase.Input) (workflows.CaseOutcome, error)

func (w *world) schedule(now time.Time) {
	for i := range w.scenario.steps {
		s := &w.scenario.steps[i]
		if s.do == nil {
			continue
		}
		w.env.RegisterDelayedCallback(func() {
			if s.do != nil && !w.env.IsWorkflowCompleted() {
				do := s.do
				s.do = nil
				do(w)
			}
		}, max(0, after(s.at).Sub(now)))
	}
}

// handOff plays the local activity "notice.hand-off".
func (w *world) handOff(_ context.Context, h workflows.HandOff) (result workflows.HandOffResult, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handOffs++
	if h.Source != workflows.OffloadCaseWorkflowID(w.scenario.start.Normalized().Reference) {
		return result, errors.New("another source")
	}
	switch {
	case w.scenario.refused:
		return result, temporal.NewNonRetryableApplicationError("refused", workflows.ErrTypeNoticeInvalid, nil)
	case w.env.Now().Sub(t0) < w.scenario.awayUntil:
		return result, errors.New("no Temporal")
	}
	for _, n := range h.Notices {
		if !reflect.DeepEqual(n.ReplyTo, w.scenario.start.ReplyTo) || !slices.Equal(n.Notify, w.scenario.start.Notify) {
			return result, errors.New("not the receivers that the start names")
		}
		if n.ReplyTo == nil {
			result.Untold = append(result.Untold, n.ID)
		} else {
			w.notices = append(w.notices, n.Notice)
		}
	}
	if h.Files != nil {
		w.files = append(w.files, *h.Files)
	}
	return result, nil
}

// listen records search attributes and cancelled activities.
func (w *world) listen() {
	w.env.RegisterActivityWithOptions(w.handOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	if takes := w.scenario.handOffTakes; takes > 0 {
		w.env.OnActivity(workflows.ActivityNoticeHandOff, mock.Anything, mock.Anything).Return(workflows.HandOffResult{}, nil).After(takes)
	}
	last := w.attributes.GetUntypedValues()
	w.env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		upserted, ok := args.Get(0).(temporal.SearchAttributes)
		require.True(w.t, ok)
		for key, value := range upserted.GetUntypedValues() {
			if text, ok := value.(string); ok { // that a list was unset in between doesn't show here
				require.NotEqual(w.t, last[key], text, "an upsert of the same value")
				last[key] = text
			}
		}
	}).Return(nil).Maybe()
	w.env.SetOnTimerScheduledListener(func(string, time.Duration) { w.timers++ })
	w.env.SetOnActivityCanceledListener(func(info *activity.Info) { w.canceled = append(w.canceled, info.ActivityType.Name) })
}

func (w *world) keyword(name string) string {
	value, _ := w.attributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name))
	return value
}

func (w *world) attention() []string {
	list, _ := w.attributes.GetKeywordList(temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention))
	return list
}

// signal delivers events in one signal.
func (w *world) signal(events ...workflows.CaseEvent) {
	w.env.SignalWorkflow(workflows.SignalOffloadEvents, events)
}

// signalBefore delivers events that the workflow sees together with the next event.
func (w *world) signalBefore(events ...workflows.CaseEvent) {
	w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalOffloadEvents, events)
}

func (w *world) update(name string, arg any) {
	w.env.UpdateWorkflow(name, "", updateResult{w: w, name: name}, arg)
}

func (w *world) state() workflows.CaseState {
	value, err := w.env.QueryWorkflow(workflows.QueryState)
	require.NoError(w.t, err)
	var state workflows.CaseState
	require.NoError(w.t, value.Get(&state))
	return state
}

func (w *world) requireState(status workflows.CaseStatus) {
	require.Equal(w.t, status, w.state().Status, "after %s in run %d", w.env.Now().Sub(t0), w.runs)
}

type updateResult struct {
	w    *world
	name string
}

func (updateResult) Accept() {}

func (u updateResult) Reject(err error) {
	var application *temporal.ApplicationError
	require.ErrorAs(u.w.t, err, &application)
	u.w.refused = append(u.w.refused, u.name+": "+application.Type())
}

func (u updateResult) Complete(_ any, err error) {
	if err != nil {
		u.Reject(err)
	}
}
