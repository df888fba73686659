package offloadcase_test

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
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
	hold     storytest.Hold

	mu         sync.Mutex
	refused    []string
	notices    []workflows.Notice
	files      []workflows.FilesStart
	handOffs   int
	attributes temporal.SearchAttributes
	cancelled  []string
	timers     int
}

// play plays the scenario until a run ends for good.
func play(t *testing.T, every int, s scenario) *world {
	t.Helper()
	return playFrom(t, every, s, s.start)
}

// playFrom begins with an input, such as that of a later run.
func playFrom(t *testing.T, every int, s scenario, input any) *world {
	t.Helper()
	w := &world{t: t, scenario: s}
	story := storytest.Story[offloadcase.Input, workflows.CaseOutcome]{
		Type: workflows.OffloadCaseWorkflow, ID: cmp.Or(s.workflowID, workflows.OffloadCaseWorkflowID(s.start.Normalized().Reference)),
		Code: offloadcase.ContinuingAfter(every), Start: input, Begin: t0, Attributes: &w.attributes, Hold: &w.hold, Prepare: w.prepare,
	}
	for _, one := range s.steps {
		story.Steps = append(story.Steps, storytest.Step{At: one.at, Do: func() { one.do(w) }})
	}
	w.outcome, w.ended, w.err = story.Play(t)
	w.ended = w.ended.UTC()
	return w
}

func (w *world) prepare(env *testsuite.TestWorkflowEnvironment) {
	w.env = env
	w.runs++
	w.scenario.provider.register(env)
	w.listen()
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
			result.WithoutTarget = append(result.WithoutTarget, n.ID)
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
	w.env.SetOnActivityCanceledListener(func(info *activity.Info) { w.cancelled = append(w.cancelled, info.ActivityType.Name) })
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
