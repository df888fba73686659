package offloadcase_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// TestEveryStoryEndsTheSameHoweverOftenTheCaseContinuesAsNew finds what is not carried from run to run.
func TestEveryStoryEndsTheSameHoweverOftenTheCaseContinuesAsNew(t *testing.T) {
	t.Parallel()
	for name, tell := range stories {
		for _, every := range []int{0, 1, 2, 3, 5, 7} {
			t.Run(fmt.Sprintf("%s/every %d", name, every), func(t *testing.T) {
				t.Parallel()
				s := tell()
				w := play(t, every, s)
				require.NoError(t, w.err)
				for _, step := range s.steps {
					require.Nil(t, step.do, "the story ended before its step at %s", step.at)
				}
				require.Equal(t, string(w.outcome.Status), w.keyword(workflows.SearchAttributeState))
				require.Equal(t, w.outcome.Attention, w.attention(), "what is shown is what is so")
				s.check(t, w)
				if every == 0 {
					require.Equal(t, 1, w.runs)
				}
			})
		}
	}
}

func TestAnInvalidStartFailsForGood(t *testing.T) {
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
