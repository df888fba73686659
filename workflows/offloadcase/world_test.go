package offloadcase_test

import (
	"errors"
	"io"
	"log/slog"
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
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

// step is something that happens from outside at a time after the start.
type step struct {
	at time.Duration
	do func(w *world)
}

// scenario is one story of a case. It is made anew for each time that it is played.
type scenario struct {
	start    workflows.CaseStart
	provider *provider
	steps    []step
	// receiverGone makes every reply be refused.
	receiverGone bool
	check        func(t *testing.T, w *world)
}

// world plays a scenario over as many runs of the workflow as it continues as new.
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
	replies    []workflows.CaseReply
	attributes temporal.SearchAttributes
	canceled   []string
	timers     int
}

// play repeats the runs until one of them ends for good. Steps whose time falls between two runs happen in the second.
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
	env.SetTestTimeout(30 * time.Second)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(w.scenario.start.Normalized().Reference), TaskQueue: workflows.TaskQueueWorkflows,
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

// observed is the workflow, and reads at the end of each run what its search attributes then are: they outlive the run.
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

// listen records replies, search attributes and cancelled activities.
func (w *world) listen() {
	w.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", mock.Anything, mock.Anything).Return(
		func(_, workflowID, _, signal string, arg any) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.scenario.receiverGone {
				return errors.New("unknown external workflow execution")
			}
			if to := w.scenario.start.ReplyTo; to == nil || to.WorkflowID != workflowID || to.Signal != signal {
				return errors.New("nobody asked to be told")
			}
			reply, ok := arg.(workflows.CaseReply)
			if !ok {
				return errors.New("a reply of another kind")
			}
			w.replies = append(w.replies, reply)
			return nil
		}).Maybe()
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

// signalBefore delivers events that the workflow finds together with whatever comes next.
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

func (u updateResult) Complete(_ any, err error) { require.NoError(u.w.t, err) }
