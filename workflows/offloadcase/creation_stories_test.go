package offloadcase_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Stories about the creation of cases.
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
				updates(4*minute, workflows.UpdateRetryCreate, workflows.RetryCreate{}),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 2)
				require.Equal(t, []string{"retry-create: SignalboxNotUncertain"}, w.refused)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is created again in the task in which its own webhook comes": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}}},
			steps: []step{
				{minute, func(w *world) {
					w.signalBefore(inputNeeded("q1", minute))
					w.update(workflows.UpdateRetryCreate, workflows.RetryCreate{By: "ada"})
				}},
				stands(2*minute, workflows.CaseInputNeeded, "input_needed"),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"retry-create: SignalboxNotUncertain"}, w.refused)
				require.Len(t, w.scenario.provider.created, 1)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is adopted after an uncertain creation": func() scenario {
		other := completed(5 * minute)
		other.Facts.CaseID = "another"
		other.Unproven = true
		return scenario{
			start: start(), provider: &provider{
				creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}},
				truth:   []truth{runningFrom(0), shows(completed(0), 20*minute)},
			},
			steps: []step{
				updates(minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: caseID}),
				updates(2*minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "x"}),
				signals(6*minute, other),
				stands(7*minute, workflows.CaseRunning),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, caseID, w.outcome.CaseID)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"adopt-case: SignalboxOtherCase"}, w.refused)
			},
		}
	},
	"is adopted wrongly, and its own webhook says so": func() scenario {
		other := completed(7 * minute)
		other.Facts.CaseID = "another"
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}}},
			steps: []step{
				updates(minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: caseID}),
				stands(2*minute, workflows.CaseRunning),
				signals(8*minute, other),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "another", w.outcome.CaseID)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"second_case"}, w.outcome.Attention)
				require.Equal(t, "another", w.keyword(workflows.SearchAttributeCaseID))
			},
		}
	},
	"is not adopted when the case belongs to another request": func() scenario {
		theirs := shows(event("", workflows.OffloadRunning, 0), 0)
		theirs.facts.ClientReferenceID = "vendor_4711"
		return scenario{
			start: start(replying), provider: &provider{
				creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}}, truth: []truth{theirs},
			},
			steps: []step{
				updates(minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "id\n"}),
				updates(2*minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: strings.Repeat("x", 3000)}),
				updates(200*time.Second, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: caseID}),
				stands(4*minute, workflows.CaseCreateUncertain, "adopt_refused", "create_uncertain"),
				{5 * minute, func(w *world) {
					require.Contains(w.t, w.state().LastError, `"vendor_4711"`)
					require.Empty(w.t, w.state().CaseID)
				}},
				updates(7*minute, workflows.UpdateCancel, workflows.CancelCase{}),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"adopt-case: SignalboxInvalidArgument", "adopt-case: SignalboxInvalidArgument"}, w.refused)
				require.Empty(t, w.outcome.CaseID)
				require.Empty(t, w.keyword(workflows.SearchAttributeCaseID), "no event finds it by that case")
			},
		}
	},
	"can't be created for a while": func() scenario {
		return scenario{
			start:    start(replying),
			provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadNotSent, 2*minute)}, {err: failed(workflows.ErrTypeOffloadThrottled, 6*minute)}, {caseID: caseID}}},
			steps: []step{
				stands(2*minute, workflows.CaseCreating),
				stands(5*minute, workflows.CaseCreating, "not_created"),
				stands(9*minute, workflows.CaseRunning),
				signals(10*minute, completed(10*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 3)
				require.Equal(t, []string{"case.attention", "case.completed"}, kinds(w))
				require.Empty(t, w.outcome.Attention)
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
				signals(6*minute, completed(6*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "Obtain a W-9", w.scenario.provider.created[1].Request.Goal.Objective)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
}
