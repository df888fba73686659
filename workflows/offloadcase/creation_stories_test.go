package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// How cases come to be.
var creationStories = map[string]func() scenario{
	"is created at most once": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}}},
			steps: []step{
				stands(24*time.Hour, workflows.CaseCreateUncertain, "create_uncertain"),
				signals(48*time.Hour, completed(48*time.Hour)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 1)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, caseID, w.outcome.CaseID)
			},
		}
	},
	"is created again on request": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}, {caseID: caseID}}},
			steps: []step{
				updates(minute, workflows.UpdateRetryCreate, workflows.RetryCreate{By: "ada"}),
				stands(2*minute, workflows.CaseRunning),
				updates(3*minute, workflows.UpdateRetryCreate, workflows.RetryCreate{}),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 2)
				require.Equal(t, []string{"retry-create: SignalboxNotUncertain"}, w.refused)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is adopted after an uncertain creation, and a second case shows up": func() scenario {
		other := completed(5 * minute)
		other.Facts.CaseID = "another"
		return scenario{
			start: start(), provider: &provider{
				creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}},
				truth:   []truth{runningFrom(0), shows(completed(0), 20*minute)},
			},
			steps: []step{
				updates(minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: caseID}),
				updates(2*minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "x"}),
				signals(6*minute, other),
				stands(7*minute, workflows.CaseRunning, "second_case"),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, caseID, w.outcome.CaseID)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Equal(t, []string{"second_case"}, w.outcome.Attention)
				require.Equal(t, []string{"adopt-case: SignalboxOtherCase"}, w.refused)
			},
		}
	},
	"existed already": func() scenario {
		return scenario{
			start: workflows.CaseStart{CaseID: caseID}, provider: &provider{truth: []truth{shows(caseFailed(0), -60*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, caseID, w.outcome.Reference)
				require.Empty(t, w.scenario.provider.created)
				require.Equal(t, t0, w.ended)
			},
		}
	},
	"hits the usage limit and waits for the next month": func() scenario {
		limit := failed(workflows.ErrTypeOffloadUsageLimit, 6*time.Hour)
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: limit}, {err: limit}, {err: limit}, {caseID: caseID}}},
			steps: []step{
				stands(5*time.Hour, workflows.CaseCreating, "usage_limit"),
				stands(13*time.Hour, workflows.CaseRunning),
				signals(14*time.Hour, completed(14*time.Hour)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 4)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is rejected and ends": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadInvalidRequest, 0)}}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Contains(t, w.outcome.Reason, "the provider says")
				require.Len(t, w.scenario.provider.created, 1)
			},
		}
	},
	"is rejected and corrected": func() scenario {
		corrected := start().Request
		corrected.Goal.Objective = "Obtain a W-9"
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.AwaitCorrection = true }),
			provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadInvalidRequest, 0)}, {caseID: caseID}}},
			steps: []step{
				stands(minute, workflows.CaseCreating, "create_rejected"),
				updates(2*minute, workflows.UpdateRetryCreate, workflows.RetryCreate{Request: corrected}),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "Obtain a W-9", w.scenario.provider.created[1].Request.Goal.Objective)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
}
