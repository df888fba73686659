package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

const minute = time.Minute

// stories are played once without continue-as-new, and again with it after every few steps.
var stories = map[string]func() scenario{
	"delivered at once": func() scenario {
		return scenario{
			steps: []step{
				handOff(0, notice(1, app, 0), notice(2, finance, 0), notice(3, app, 0)),
				stands(minute, "app 1 DELIVERED", "finance 2 DELIVERED", "app 3 DELIVERED"),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 3}, w.received(app))
				require.Equal(t, []int64{2}, w.received(finance))
				require.Equal(t, workflows.NotifyLinger, w.ended)
			},
		}
	},
	"each target in order of seq": func() scenario {
		return scenario{
			// While an activity runs, the SDK's clock goes on as the real one: minutes are long enough for a slow machine.
			down: map[string][2]time.Duration{"app": {0, 10 * minute}},
			steps: []step{
				handOff(0, notice(1, app, 0)),
				handOff(minute, notice(4, app, 0), notice(2, app, 0), notice(3, finance, 0)),
				handOff(2*minute, notice(6, app, 0), notice(5, app, 0)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 2, 4, 5, 6}, w.received(app))
				require.Equal(t, minute, w.receivedAt(finance, 3).Truncate(minute), "it does not wait for the other target")
			},
		}
	},
	"a target down for three days, others served": func() scenario {
		return scenario{
			down: map[string][2]time.Duration{"app": {0, 1000 * day}},
			steps: []step{
				handOff(0, notice(1, app, 0), notice(2, finance, 0)),
				handOff(day, notice(3, finance, day)),
				handOff(2*day, notice(4, finance, 2*day)),
				stands(2*day+minute, "app 1 WAITING", "finance 2 DELIVERED", "finance 3 DELIVERED", "finance 4 DELIVERED"),
				stands(4*day, "app 1 GIVEN_UP", "finance 2 DELIVERED", "finance 3 DELIVERED", "finance 4 DELIVERED"),
				handOff(5*day, notice(5, finance, 5*day)),
				updates(30*day, workflows.UpdateDismiss, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "ada"}, 1),
			},
			check: func(t *testing.T, w *world) {
				require.Empty(t, w.received(app))
				for seq, made := range map[int64]time.Duration{2: 0, 3: day, 4: 2 * day, 5: 5 * day} {
					require.Less(t, w.receivedAt(finance, seq), made+minute)
				}
				require.Equal(t, 30*day+workflows.NotifyLinger, w.ended, "it stays for a person")
				require.Equal(t, workflows.NoticeDismissed, w.end.Notices[0].Status)
				require.Contains(t, w.end.Notices[0].LastError, "workflow not found")
				require.Positive(t, w.end.Notices[0].Attempts)
			},
		}
	},
	"back after 25 seconds": func() scenario {
		return scenario{
			down:  map[string][2]time.Duration{"app": {0, 25 * time.Second}},
			steps: []step{handOff(0, notice(1, app, 0)), stands(20*time.Second, "app 1 WAITING")},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1}, w.received(app))
				require.Less(t, w.receivedAt(app, 1), day)
				require.Equal(t, workflows.NoticeDelivered, w.end.Notices[0].Status)
			},
		}
	},
	"back after a day": func() scenario {
		return scenario{
			down:  map[string][2]time.Duration{"app": {0, day}},
			steps: []step{handOff(0, notice(1, app, 0), notice(2, app, 0)), stands(20*time.Hour, "app 1 WAITING", "app 2 WAITING")},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 2}, w.received(app))
				require.Less(t, w.receivedAt(app, 1), 2*day)
				require.Empty(t, w.end.Attention)
			},
		}
	},
	"the next notice of a target that was given up goes on": func() scenario {
		return scenario{
			down: map[string][2]time.Duration{"app": {0, 73 * time.Hour}},
			steps: []step{
				handOff(0, notice(1, app, 0)),
				handOff(2*day, notice(2, app, 2*day)),
				updates(10*day, workflows.UpdateDismiss, workflows.SelectNotices{}, 1),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{2}, w.received(app))
				require.Equal(t, []string{"app 1 DISMISSED", "app 2 DELIVERED"}, statuses(w.end))
			},
		}
	},
	"an old notice is tried still": func() scenario {
		return scenario{
			steps: []step{handOff(0, notice(1, app, -30*day))},
			check: func(t *testing.T, w *world) { require.Equal(t, []int64{1}, w.received(app)) },
		}
	},
	"repeated hand-offs": func() scenario {
		one, two := notice(1, app, 0), notice(2, app, 0)
		return scenario{
			steps: []step{
				handOff(0, one, one), handOff(0, one, two), handOff(minute, one), handOff(2*minute, two, one, notice(1, finance, 0)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 2}, w.received(app))
				require.Equal(t, []int64{1}, w.received(finance), "another target receives it too")
			},
		}
	},
	"refused for good, resent, delivered": func() scenario {
		refused := map[string]bool{"app": true}
		return scenario{
			refused: refused,
			steps: []step{
				handOff(0, notice(1, app, 0), notice(2, finance, 0)),
				stands(minute, "app 1 GIVEN_UP", "finance 2 DELIVERED"),
				isRefused(2*minute, workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_9"}}, workflows.ErrTypeUnknownNotice),
				isRefused(2*minute, workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_2"}}, workflows.ErrTypeNotGivenUp),
				isRefused(2*minute, workflows.UpdateDismiss, workflows.SelectNotices{IDs: []string{"ntc_9"}}, workflows.ErrTypeUnknownNotice),
				{10 * day, func(*world) { delete(refused, "app") }},
				updates(10*day, workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "ada"}, 1),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.refusals, 3)
				require.Equal(t, []int64{1}, w.received(app))
				require.Equal(t, 2, w.end.Notices[0].Attempts, "the one before counts too")
				require.Equal(t, 10*day+workflows.NotifyLinger, w.ended)
			},
		}
	},
	"resent, and down for three more days": func() scenario {
		return scenario{
			down: map[string][2]time.Duration{"app": {0, 1000 * day}},
			steps: []step{
				handOff(0, notice(1, app, 0)),
				updates(10*day, workflows.UpdateResend, workflows.SelectNotices{}, 1),
				stands(11*day, "app 1 WAITING"),
				stands(14*day, "app 1 GIVEN_UP"),
				updates(15*day, workflows.UpdateDismiss, workflows.SelectNotices{}, 1),
			},
			check: func(t *testing.T, w *world) { require.Equal(t, []string{"app 1 DISMISSED"}, statuses(w.end)) },
		}
	},
	"too many bytes wait": func() scenario {
		var steps []step
		for seq := range int64(4) {
			large := notice(seq+1, app, 0)
			large.Data.Question.Text = string(slices.Repeat([]byte("<"), 50<<10)) // 300 KiB of JSON
			steps = append(steps, handOff(time.Duration(seq)*time.Second, large))
		}
		return scenario{
			down: map[string][2]time.Duration{"app": {0, day}},
			steps: append(steps,
				handOff(minute, notice(5, finance, minute)),
				stands(2*minute, "app 1 WAITING", "app 2 WAITING", "app 3 WAITING", "app 4 GIVEN_UP", "finance 5 DELIVERED"),
				isRefused(3*minute, workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_4"}}, workflows.ErrTypeNoNoticeData),
				updates(5*day, workflows.UpdateDismiss, workflows.SelectNotices{IDs: []string{"ntc_4"}}, 1)),
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 2, 3}, w.received(app))
				require.Equal(t, []int64{5}, w.received(finance))
			},
		}
	},
	"it lingers after the last delivery": func() scenario {
		return scenario{
			steps: []step{
				handOff(0, notice(1, app, 0)), handOff(9*minute, notice(2, app, 9*minute)), handOff(18*minute, notice(3, app, 18*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []int64{1, 2, 3}, w.received(app))
				require.Equal(t, 28*minute, w.ended)
			},
		}
	},
	"nothing ever comes": func() scenario {
		return scenario{check: func(t *testing.T, w *world) {
			require.Equal(t, workflows.NotifyLinger, w.ended)
			require.Empty(t, w.end.Notices)
		}}
	},
	"cancelled in Temporal": func() scenario {
		return scenario{
			down: map[string][2]time.Duration{"app": {0, 1000 * day}},
			steps: []step{
				handOff(0, notice(1, app, 0), notice(2, finance, 0)),
				{minute, func(w *world) { w.env.CancelWorkflow() }},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"app 1 DISMISSED", "finance 2 DELIVERED"}, statuses(w.end))
				require.Equal(t, minute, w.ended)
			},
		}
	},
}

func TestEveryStoryEndsTheSameHoweverOftenItContinuesAsNew(t *testing.T) {
	t.Parallel()
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storytest.Repeat(t, func(t *testing.T, every int) {
				s := tell()
				w := play(t, every, s)
				require.NoError(t, w.err)
				require.Equal(t, source, w.end.Source)
				require.Empty(t, w.attention(), "no attention after the end")
				s.check(t, w)
				if every == 0 {
					require.Equal(t, 1, w.runs)
				}
			})
		})
	}
}

// The refusal by Temporal and the update come in one task, in which the update is checked first.
func TestAResendThatComesWithTheFailureIsAccepted(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		refused: map[string]bool{"app": true},
		steps: []step{
			{0, func(w *world) { w.hold.Begin() }},
			handOff(0, notice(1, app, 0)),
			{2 * minute, func(w *world) { w.hold.End(w.env) }},
			updates(2*minute, workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "ada"}, 1),
			updates(4*minute, workflows.UpdateDismiss, workflows.SelectNotices{}, 1),
		},
	})
	require.NoError(t, w.err)
	require.Equal(t, 2, w.end.Notices[0].Attempts)
}

func TestGivenUpNoticesAreShownUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	for _, every := range []int{0, 1} {
		w := play(t, every, scenario{
			refused: map[string]bool{"app": true},
			steps: []step{
				handOff(0, notice(1, app, 0)),
				{minute, func(w *world) {
					state := w.state()
					require.Equal(w.t, []string{workflows.AttentionNoticeGivenUp}, state.Attention)
					require.Contains(w.t, state.WaitingFor, "A person has to resend or dismiss 1 notice")
					require.Contains(w.t, details(w), "`ntc_1` for `workflow app`")
				}},
				{2 * minute, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
				{3 * minute, func(w *world) {
					require.Equal(w.t, []string{workflows.AttentionNoticeGivenUp}, w.attention(), "the search attribute")
					due, _ := w.attributes.GetTime(temporal.NewSearchAttributeKeyTime(workflows.SearchAttributeDueAt))
					require.Equal(w.t, t0, due.UTC(), "since when")
				}},
				updates(4*minute, workflows.UpdateDismiss, workflows.SelectNotices{}, 1),
			},
		})
		require.Empty(t, w.attention())
		require.Greater(t, w.runs, 1)
	}
}

func details(w *world) string {
	value, err := w.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(w.t, err)
	var metadata sdk.WorkflowMetadata
	require.NoError(w.t, value.Get(&metadata))
	require.Len(w.t, metadata.GetDefinition().GetUpdateDefinitions(), 2)
	return metadata.GetCurrentDetails()
}

func TestItContinuesAsNewDuringDeliveries(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		down: map[string][2]time.Duration{"app": {0, day}},
		steps: []step{
			handOff(0, notice(1, app, 0), notice(2, app, 0)),
			{time.Hour, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
			{2 * time.Hour, func(w *world) { require.Equal(w.t, 2, w.runs) }},
		},
	})
	require.Equal(t, 2, w.runs)
	require.Equal(t, []int64{1, 2}, w.received(app))
}

func TestManyLargeDeliveriesTakeTurnsInTheHistory(t *testing.T) {
	t.Parallel()
	const targets = 21
	large := notice(1, app, 0)
	large.Data.Question.Text = strings.Repeat("x", 190<<10)
	large.To = nil
	down := map[string][2]time.Duration{}
	for i := range targets {
		id := fmt.Sprintf("app-%d", i)
		large.To = append(large.To, workflows.Target{WorkflowID: id, Signal: "case-news"})
		if i < targets-1 {
			down[id] = [2]time.Duration{0, 20 * time.Hour}
		}
	}
	w := play(t, 0, scenario{down: down, steps: []step{handOff(0, large)}})
	require.NoError(t, w.err)
	for _, to := range large.To {
		require.Equal(t, []int64{1}, w.received(to), to.WorkflowID)
	}
	require.Less(t, w.receivedAt(large.To[targets-1], 1), 2*time.Hour, "the one that is up does not wait for the others")
	for run, bytes := range w.started {
		require.Less(t, bytes, 3<<20, "run %d", run)
	}
	require.Less(t, w.runs, 3*24, "a run lasts an hour at least")
}

func TestLargeDeliveriesBesideOneThatIsDownDoNotWaitForIt(t *testing.T) {
	t.Parallel()
	var notices []workflows.AddressedNotice
	var steps []step
	for seq := range int64(12) {
		at := time.Duration(seq) * minute
		large := notice(seq+2, finance, at)
		large.Data.Question.Text = strings.Repeat("x", 400<<10)
		notices = append(notices, large)
		steps = append(steps, handOff(at, large))
	}
	w := play(t, 0, scenario{down: map[string][2]time.Duration{"app": {0, day}}, steps: append([]step{handOff(0, notice(1, app, 0))}, steps...)})
	require.NoError(t, w.err)
	require.Greater(t, w.runs, 1)
	require.Less(t, w.runs, 10)
	for _, n := range notices {
		require.Less(t, w.receivedAt(finance, n.Seq), 15*minute, n.ID)
	}
	require.Equal(t, []int64{1}, w.received(app))
	for run, bytes := range w.started {
		require.Less(t, bytes, 3<<20, "run %d", run)
	}
}

func TestTheServersSuggestionToContinueAsNewIsTaken(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{steps: []step{
		{0, func(w *world) {
			w.env.SetContinueAsNewSuggested(true)
			w.env.SignalWorkflow(workflows.SignalNotices, []workflows.AddressedNotice{notice(1, app, 0)})
		}},
	}})
	require.Equal(t, 2, w.runs)
	require.Equal(t, []int64{1}, w.received(app))
}

func environment(workflowID string) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	// A busy machine, with the race detector on, takes longer than the SDK allows: 1 s for a workflow task, 3 s for an activity.
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflowID, TaskQueue: workflows.TaskQueueWorkflows})
	env.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	return env
}

func TestAWorkflowIDThatNamesNoSourceIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"my-own-id", "notify", "notify/", "Notify/offload-case/a"} {
		env := environment(id)
		env.ExecuteWorkflow(workflows.NotifyWorkflow, workflows.NotifyStart{})
		var application *temporal.ApplicationError
		require.ErrorAs(t, env.GetWorkflowError(), &application)
		require.Equal(t, workflows.ErrTypeWorkflowID, application.Type())
		require.True(t, application.NonRetryable())
		require.Contains(t, application.Message(), `"notify/{source workflow ID}"`)
	}
}

func TestAStateOfANewerVersionFailsTheTaskAndNotTheWorkflow(t *testing.T) {
	t.Parallel()
	env := environment(workflows.NotifyWorkflowID(source))
	env.ExecuteWorkflow(workflows.NotifyWorkflow, notify.Input{Carried: &lifecycle.State{Version: 2, Source: source}})
	var panicked *temporal.PanicError
	require.ErrorAs(t, env.GetWorkflowError(), &panicked)
	require.Contains(t, panicked.Error(), "newer worker")
}
