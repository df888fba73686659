package offloadcase_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// TestEveryStoryEndsTheSameHoweverOftenTheCaseContinuesAsNew finds state that is not carried over.
func TestEveryStoryEndsTheSameHoweverOftenTheCaseContinuesAsNew(t *testing.T) {
	t.Parallel()
	for name, tell := range stories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storytest.Repeat(t, func(t *testing.T, every int) {
				s := tell()
				w := play(t, every, s)
				require.NoError(t, w.err)
				require.Equal(t, string(w.outcome.Status), w.keyword(workflows.SearchAttributeState))
				require.Equal(t, w.outcome.Attention, w.attention(), "the published attention equals the outcome's")
				s.check(t, w)
				if every == 0 {
					require.Equal(t, 1, w.runs)
				}
			})
		})
	}
}

// stories are played once without continue-as-new, and once with it in every turn.
func stories() map[string]func() scenario {
	all := map[string]func() scenario{}
	for _, some := range []map[string]func() scenario{creationStories, inputStories, endStories, fileStories, resultStories} {
		maps.Copy(all, some)
	}
	return all
}

func TestAnInvalidStartFailsTheWorkflow(t *testing.T) {
	t.Parallel()
	bad := start()
	bad.Request.Channel = "FAX"
	w := play(t, 0, scenario{start: bad, provider: &provider{}})
	var application *temporal.ApplicationError
	require.ErrorAs(t, w.err, &application)
	require.Equal(t, workflows.ErrTypeInvalidArgument, application.Type())
	require.True(t, application.NonRetryable())
	require.Contains(t, application.Message(), "request.channel")
	require.Empty(t, w.scenario.provider.created)
}

func TestACaseWithAWrongWorkflowIDFailsAndNamesTheRightOne(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{start: start(), provider: &provider{}, workflowID: "my-own-id"})
	var application *temporal.ApplicationError
	require.ErrorAs(t, w.err, &application)
	require.Equal(t, workflows.ErrTypeWorkflowID, application.Type())
	require.True(t, application.NonRetryable())
	require.Contains(t, application.Message(), "offload-case/vendor_2048")
	require.Empty(t, w.scenario.provider.created)
}

func TestAStateOfANewerVersionWaitsForNewerCode(t *testing.T) {
	t.Parallel()
	in := offloadcase.Input{CaseStart: start().Normalized(), Carried: &lifecycle.State{Version: 99, Status: workflows.CaseRunning, CaseID: caseID}}
	w := playFrom(t, 0, scenario{start: start(), provider: &provider{}}, in)
	require.ErrorContains(t, w.err, "run a newer worker")
	var application *temporal.ApplicationError
	require.False(t, errors.As(w.err, &application), "the workflow task fails and not the workflow")
}

func TestACarriedStartIsNotValidatedAgain(t *testing.T) {
	t.Parallel()
	carried := start().Normalized()
	carried.Request.Channel = "FAX" // newer rules may refuse what older ones took
	w := playFrom(t, 0, scenario{start: start(), provider: &provider{truth: []truth{shows(completed(0), 0)}}},
		offloadcase.Input{CaseStart: carried, Carried: &lifecycle.State{Version: 1, Status: workflows.CaseRunning, CaseID: caseID}})
	require.NoError(t, w.err)
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
}

func TestAnOperatorDoesNotCutAHandOffShort(t *testing.T) {
	t.Parallel()
	s := scenario{
		start: start(replying, func(s *workflows.CaseStart) { s.Options.RemindAfter = workflows.Duration(minute) }), provider: &provider{}, handOffTakes: 10 * minute,
		steps: []step{
			signals(5*minute, inputNeeded("q1", 5*minute)),
			{5*minute + time.Second, func(w *world) {
				// During the hand-off the reminder's timer fires, and the run may not continue as new yet.
				w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil)
			}},
			{14 * minute, func(w *world) { require.Equal(w.t, 1, w.runs) }},
			stands(25*minute, workflows.CaseInputNeeded, "input_needed"),
			{26 * minute, func(w *world) { require.Equal(w.t, 2, w.runs) }},
			signals(27*minute+time.Second, completed(27*minute)),
		},
	}
	w := play(t, 0, s)
	require.NoError(t, w.err)
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
	require.Less(t, w.timers, 60, "it did not spin")
}

func TestACreationSaysWhichRunAPersonAskedForIt(t *testing.T) {
	t.Parallel()
	w := play(t, 1, scenario{
		start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}, {caseID: caseID}}},
		steps: []step{
			updates(minute, workflows.UpdateRetryCreate, workflows.RetryCreate{RunID: "run-1"}),
			signals(5*minute, completed(5*minute)),
		},
	})
	first, again := w.scenario.provider.created[0], w.scenario.provider.created[1]
	require.Empty(t, first.AskedRun)
	require.Equal(t, "run-1", again.AskedRun)
}

func TestAnOperatorShortensTheHistory(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: start(), provider: &provider{},
		steps: []step{
			{time.Minute, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
			{2 * time.Minute, func(w *world) { w.signal(completed(2 * time.Minute)) }},
		},
	})
	require.NoError(t, w.err)
	require.Equal(t, 2, w.runs)
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
	require.Len(t, w.scenario.provider.created, 1)
}

func TestTheServersSuggestionToContinueAsNewIsTaken(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: start(), provider: &provider{},
		steps: []step{
			{time.Minute, func(w *world) {
				w.env.SetContinueAsNewSuggested(true)
				w.signal(inputNeeded("q1", time.Minute))
			}},
			{2 * time.Minute, func(w *world) { w.signal(completed(2 * time.Minute)) }},
		},
	})
	require.Equal(t, 2, w.runs)
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
}

func TestAnOperatorDoesNotCutACreationShort(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadNotSent, 10*time.Minute)}, {caseID: caseID}}},
		steps: []step{
			{time.Minute, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
			stands(5*time.Minute, workflows.CaseCreating, "not_created"),
			{6 * time.Minute, func(w *world) { require.Equal(w.t, 1, w.runs) }},
			stands(11*time.Minute, workflows.CaseRunning),
			{12 * time.Minute, func(w *world) { require.Equal(w.t, 2, w.runs) }},
			signals(13*time.Minute, completed(13*time.Minute)),
		},
	})
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
	require.Len(t, w.scenario.provider.created, 2)
}

// A reset run begins with the signals of the run before it. The activity knows by the run that it was reset, so this run starts it.
func TestAnOperatorsEarlierSignalDoesNotMoveACreationToAnotherRun(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]any{
		"the first run": start(),
		"between two attempts": offloadcase.Input{CaseStart: start().Normalized(), Carried: &lifecycle.State{
			Version: 1, Status: workflows.CaseCreating, Creation: lifecycle.CreationPending, CreateAt: after(minute),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := playFrom(t, 0, scenario{
				start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadNotSent, 10*minute)}, {caseID: caseID}}},
				steps: []step{
					{0, func(w *world) { w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalForceContinueAsNew, nil) }},
					{5 * minute, func(w *world) {
						require.Equal(w.t, 1, w.runs)
						require.Len(w.t, w.scenario.provider.created, 1)
					}},
					{12 * minute, func(w *world) { require.Equal(w.t, 2, w.runs) }},
					signals(13*minute, completed(13*minute)),
				},
			}, input)
			require.NoError(t, w.err)
			require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
		})
	}
}

func TestAWebhookStopsARunningReconcile(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: start(), provider: &provider{},
		steps: []step{
			signals(20*time.Minute, inputNeeded("q1", 20*time.Minute)),
			{21 * time.Minute, func(w *world) { require.Equal(w.t, []string{workflows.ActivityOffloadReconcileCase}, w.cancelled) }},
			signals(22*time.Minute, completed(22*time.Minute)),
		},
	})
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
}

func TestAReadThatBeganBeforeTheEndIsRepeatedForItsFiles(t *testing.T) {
	t.Parallel()
	untimed, omits, whole := inputNeeded("q1", 5*minute), caseFailed(6*minute), caseFailed(6*minute)
	untimed.OccurredAt = time.Time{}
	omits.Facts = omits.Facts.Omitting(workflows.FieldAttachments)
	whole.Facts.Attachments = []workflows.Attachment{{ID: "a"}}
	w := play(t, 0, scenario{
		start: start(), provider: &provider{truth: []truth{shows(whole, 6*minute)}},
		steps: []step{
			{4 * minute, func(w *world) { w.hold.Begin() }},
			signals(5*minute, untimed),
			{6 * minute, func(w *world) {
				require.Equal(w.t, 1, w.scenario.provider.reads)
				w.hold.End(w.env)
				w.signal(omits)
			}},
		},
	})
	require.NoError(t, w.err)
	require.Equal(t, workflows.CaseFailed, w.outcome.Status)
	require.Empty(t, w.outcome.Facts.Omitted)
	require.Len(t, w.outcome.Facts.Attachments, 1)
	require.Equal(t, 2, w.scenario.provider.reads)
}

func TestEventsWithoutAChangeStartNoTimer(t *testing.T) {
	t.Parallel()
	question := inputNeeded("q1", time.Minute)
	w := play(t, 0, scenario{
		start: start(), provider: &provider{},
		steps: []step{
			signals(1*time.Minute, question), signals(2*time.Minute, question), signals(3*time.Minute, question),
			updates(4*time.Minute, workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q9", Text: "x"}),
			signals(5*time.Minute, completed(5*time.Minute)),
		},
	})
	require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
	require.Equal(t, 2, w.timers, "one after the creation, one after the question")
}

func TestTheWebUIShowsWhatTheCaseWaitsForAndHowToAnswer(t *testing.T) {
	t.Parallel()
	play(t, 0, scenario{
		start: start(), provider: &provider{},
		steps: []step{
			signals(time.Minute, inputNeeded("q1", time.Minute)),
			{2 * time.Minute, func(w *world) {
				value, err := w.env.QueryWorkflow("__temporal_workflow_metadata")
				require.NoError(w.t, err)
				var metadata sdk.WorkflowMetadata
				require.NoError(w.t, value.Get(&metadata))
				details := metadata.GetCurrentDetails()
				require.Contains(w.t, details, "**INPUT_NEEDED** since 2026-03-21T12:01:00Z")
				require.Contains(w.t, details, "> Is a signed PDF acceptable?")
				require.Contains(w.t, details, "signalbox case answer vendor_2048 --question q1")
				require.Len(w.t, metadata.GetDefinition().GetUpdateDefinitions(), 4)
			}},
			signals(5*time.Minute, completed(5*time.Minute)),
		},
	})
}
