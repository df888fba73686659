package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Stories about the ends of cases.
var endStories = map[string]func() scenario{
	"an end without a webhook is found at once by reconcile-now": func() scenario {
		return scenario{
			start:    start(),
			provider: &provider{truth: []truth{{from: 2 * time.Minute, facts: completed(2 * time.Minute).Facts}}},
			steps: []step{
				{at: time.Minute, do: func(w *world) {
					w.env.SignalWorkflow(workflows.SignalReconcileNow, workflows.ReconcileNow{By: "ada"})
				}},
				{at: 3 * time.Minute, do: func(w *world) {
					w.requireState(workflows.CaseRunning)
					require.Nil(w.t, w.state().Check, "the first check is done")
					w.env.SignalWorkflow(workflows.SignalReconcileNow, workflows.ReconcileNow{By: "grace"})
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Equal(t, after(3*time.Minute), w.outcome.EndedAt, "far ahead of the quarter of an hour of silence")
				require.GreaterOrEqual(t, w.scenario.provider.polls, 2)
			},
		}
	},
	"an end without a webhook is found by a reconcile-now in the task in which the creation ends": func() scenario {
		return scenario{
			start:    start(),
			provider: &provider{askedMeanwhile: true, truth: []truth{{facts: completed(0).Facts}}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.True(t, w.outcome.EndedAt.Before(after(minute)), w.outcome.EndedAt)
			},
		}
	},
	"completes by webhook": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{stands(minute, workflows.CaseRunning), signals(5*minute, completed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByWebhook, w.outcome.Source)
				require.JSONEq(t, `{"signedW9Received":true}`, string(w.outcome.Facts.Result))
				require.Equal(t, "vendor_2048", w.scenario.provider.created[0].Request.ClientReferenceID)
				require.Len(t, w.scenario.provider.created, 1)
				require.Zero(t, w.scenario.provider.polls)
				require.Equal(t, []string{"case.completed"}, kinds(w))
				require.Equal(t, w.outcome, noticedOutcome(w))
				require.Equal(t, after(5*minute), w.ended, "it completes at its end")
				require.Equal(t, caseID, w.keyword(workflows.SearchAttributeCaseID))
			},
		}
	},
	"fails by webhook, which comes twice and after a late question": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, caseFailed(5*minute), caseFailed(5*minute), inputNeeded("q1", 4*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, "max_retries", w.outcome.ResultStatus)
				require.Empty(t, w.outcome.Unknown)
			},
		}
	},
	"completes by polling when its webhook is lost": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 40*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Empty(t, w.outcome.Unknown, "the app sent no metadata")
				require.Equal(t, after(45*minute), w.ended, "15 minutes of silence, then every 10")
				require.Equal(t, 4, w.scenario.provider.polls)
			},
		}
	},
	"loses its API key for a while": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{keyInvalidUntil: 60 * minute, truth: []truth{shows(completed(0), 80*minute)}},
			steps: []step{
				stands(16*minute, workflows.CaseRunning, "unauthorized"),
				stands(50*minute, workflows.CaseRunning, "unauthorized"),
				stands(79*minute, workflows.CaseRunning),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"case.attention", "case.completed"}, kinds(w))
				require.Equal(t, []string{"unauthorized"}, w.notices[0].Data.Attention)
			},
		}
	},
	"an end without a time is confirmed": func() scenario {
		e := completed(5 * minute)
		e.OccurredAt = time.Time{}
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 4*minute)}},
			steps: []step{signals(5*minute, e)},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByWebhook, w.outcome.Source)
				require.Equal(t, 1, w.scenario.provider.reads)
				require.Empty(t, w.outcome.Unknown)
			},
		}
	},
	"a false end comes by the shared route": func() scenario {
		lie := completed(5 * minute)
		lie.Unproven = true
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(caseFailed(0), 30*minute)}},
			steps: []step{signals(5*minute, lie), stands(10*minute, workflows.CaseRunning)},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
			},
		}
	},
	"is contradicted": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, completed(5*minute), caseFailed(6*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"conflict"}, w.outcome.Attention)
			},
		}
	},
	"is cancelled by its app": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{
				updates(20*minute, workflows.UpdateCancel, workflows.CancelCase{Reason: "not needed", By: "ada"}),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCancelled, w.outcome.Status)
				require.Equal(t, []string{"still_running"}, w.outcome.Attention)
				require.Equal(t, "case.cancelled", kinds(w)[len(w.notices)-1])
			},
		}
	},
	"is cancelled in Temporal while it polls": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{{22 * minute, func(w *world) { w.env.CancelWorkflow() }}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCancelled, w.outcome.Status)
				require.Contains(t, w.outcome.Reason, "in Temporal")
				require.Equal(t, after(22*minute), w.ended)
				require.Equal(t, "case.cancelled", kinds(w)[len(w.notices)-1])
			},
		}
	},
	"is cancelled in Temporal in the task in which a read shows its end": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 20*minute)}},
			steps: []step{
				{22 * minute, func(w *world) { w.hold.Begin() }},
				{26 * minute, func(w *world) {
					w.hold.End(w.env)
					w.env.CancelWorkflow()
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Equal(t, after(26*minute), w.ended)
			},
		}
	},
	"is cancelled by its app in the task in which a read shows its end": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 20*minute)}},
			steps: []step{
				{22 * minute, func(w *world) { w.hold.Begin() }},
				{26 * minute, func(w *world) {
					w.hold.End(w.env)
					w.update(workflows.UpdateCancel, workflows.CancelCase{})
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"cancel: " + workflows.ErrTypeCaseEnded}, w.refused)
			},
		}
	},
	"is cancelled by its app in the task in which its end is reported": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{{5 * minute, func(w *world) {
				w.signalBefore(sending(completed(5*minute), "a"))
				w.update(workflows.UpdateCancel, workflows.CancelCase{})
			}}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"cancel: " + workflows.ErrTypeCaseEnded}, w.refused)
				require.Equal(t, []string{"case.completed"}, kinds(w))
				require.Len(t, w.files, 1)
			},
		}
	},
	"reaches its deadline": func() scenario {
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.Deadline = after(65 * minute) }),
			provider: &provider{},
			steps:    []step{signals(5*minute, inputNeeded("q1", 5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseExpired, w.outcome.Status)
				require.Equal(t, 1, w.scenario.provider.reads)
				require.Equal(t, after(65*minute), w.ended)
				require.Equal(t, []string{"still_running"}, w.outcome.Attention)
			},
		}
	},
	"ends just before its deadline without a webhook": func() scenario {
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.Deadline = after(14 * minute) }),
			provider: &provider{truth: []truth{shows(completed(0), 13*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, 1, w.scenario.provider.reads)
			},
		}
	},
	"is handed off when Temporal takes it again": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{}, awayUntil: 3 * time.Hour,
			steps: []step{
				signals(5*minute, sending(completed(5*minute), "a")),
				{6 * minute, func(w *world) {
					require.Equal(w.t, workflows.CaseCompleted, w.state().Status)
					require.Contains(w.t, w.state().WaitingFor, "handed off")
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"case.completed"}, kinds(w))
				require.Len(t, w.files, 1)
				require.Equal(t, after(5*minute), w.outcome.EndedAt)
				require.WithinDuration(t, after(3*time.Hour), w.ended, 5*minute)
			},
		}
	},
	"is refused when it is handed off": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{}, refused: true,
			steps: []step{signals(5*minute, sending(completed(5*minute), "a"))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"notice_refused"}, w.outcome.Attention)
				require.Equal(t, after(5*minute), w.ended)
			},
		}
	},
	"shows a status that is not documented": func() scenario {
		odd := event("", "CANCELLED", 0)
		return scenario{
			start: start(replying), provider: &provider{truth: []truth{shows(odd, 10*minute), shows(completed(0), 10*time.Hour)}},
			steps: []step{
				stands(30*minute, workflows.CaseRunning, "unknown_status"),
				stands(9*time.Hour, workflows.CaseRunning, "unknown_status"),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"case.attention", "case.completed"}, kinds(w))
				require.Less(t, w.scenario.provider.polls, 15, "slowly")
			},
		}
	},
	"answers nothing that can be read": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{unreadableUntil: 10 * time.Hour, truth: []truth{shows(completed(0), 9*time.Hour)}},
			steps: []step{
				stands(30*minute, workflows.CaseRunning, "unreadable_answer"),
				stands(9*time.Hour, workflows.CaseRunning, "unreadable_answer"),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"case.attention", "case.completed"}, kinds(w))
			},
		}
	},
}
