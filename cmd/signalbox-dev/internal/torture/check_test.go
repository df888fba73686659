package torture

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// good is a run with one case and one activation in which all went well.
func good() facts {
	caseLane, activationLane := workflows.OffloadCaseWorkflowID("r"), workflows.ArtmailActivationWorkflowID(agent, "a")
	heard := newHeard()
	heard.Outcomes["r"] = []string{"COMPLETED"}
	heard.Approvals["m"] = []string{"APPROVED"}
	return facts{
		acknowledged: map[bodyHash]string{{1}: "/case", {2}: "/case", {3}: "/activation"},
		stored: []storedEvent{
			{id: "1", lane: caseLane, state: inbox.StateDelivered, bodyHash: bodyHash{1}},
			{id: "2", lane: caseLane, state: inbox.StateLate, bodyHash: bodyHash{2}},
			{id: "3", lane: activationLane, state: inbox.StateDelivered, bodyHash: bodyHash{3}},
			{id: "4", lane: activationLane, state: inbox.StateDelivered, bodyHash: bodyHash{4}},
		},
		cases: []caseFacts{{
			playedCase: playedCase{reference: "r", caseID: "c", answered: []string{"q"}},
			created:    []string{"c"}, answers: map[string]int{"q": 1},
			state: workflows.CaseState{CaseID: "c", Status: workflows.CaseCompleted, EventsApplied: 1},
		}},
		activations: []activationFacts{{
			playedActivation: playedActivation{id: "a", approvals: map[string]bool{"m": true}, runs: []string{"run"}},
			atArtmail:        workflows.ActivationActive,
			state: workflows.ActivationState{
				Status: workflows.ActivationActive, EventsApplied: 1, LateEvents: 1,
				Approvals: []workflows.Approval{{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m"}, Status: workflows.ApprovalApproved}},
				Runs:      []workflows.Run{{RunID: "run", Status: workflows.RunForceFailed}},
			},
		}},
		heard: heard, readings: 1, watched: 2, fills: true, filled: 1,
	}
}

func TestEachViolationIsFoundAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*facts)
		want   []string
	}{
		"all well":                          {func(*facts) {}, nil},
		"a late event was processed before": {func(f *facts) { f.cases[0].state.EventsApplied = 2 }, nil},
		"an acknowledged event is gone": {
			func(f *facts) { f.stored[0].bodyHash = bodyHash{9} }, []string{"each acknowledged event is in the inbox"},
		},
		"an event is stored twice": {
			func(f *facts) { f.stored[1].bodyHash = bodyHash{1}; delete(f.acknowledged, bodyHash{2}) }, []string{"each event is in the inbox once"},
		},
		"an event is taken for another": {func(f *facts) { f.stored[0].conflict = true }, []string{"each event is in the inbox once"}},
		"an event is pending": {
			func(f *facts) { f.stored[1].state = inbox.StatePending }, []string{"each event ends as delivered or late"},
		},
		"an event is dead": {
			func(f *facts) { f.stored[1].state = inbox.StateDead }, []string{"each event ends as delivered or late"},
		},
		"a workflow forgot an event": {
			func(f *facts) { f.activations[0].state.LateEvents = 0 }, []string{"each delivered event was processed by its workflow"},
		},
		"a workflow counted an event twice": {func(f *facts) { f.cases[0].state.LateEvents = 2 }, []string{"no event counts twice"}},
		"a workflow went back":              {func(f *facts) { f.regressed = []string{"x"} }, []string{"no workflow's state goes backwards"}},
		"a case was created twice": {
			func(f *facts) { f.cases[0].created = []string{"c", "d"} }, []string{"one case at Offload for each reference"},
		},
		"a case was never created": {func(f *facts) { f.cases[0].created = nil }, []string{"one case at Offload for each reference"}},
		"a case stands otherwise": {
			func(f *facts) { f.cases[0].state.Status = workflows.CaseRunning }, []string{"each workflow agrees with its provider"},
		},
		"an activation stands otherwise": {
			func(f *facts) { f.activations[0].atArtmail = workflows.ActivationPaused }, []string{"each workflow agrees with its provider"},
		},
		"an answer was never delivered": {func(f *facts) { f.cases[0].answers["q"] = 0 }, []string{"each answer reached Offload exactly once"}},
		"an approval is open": {
			func(f *facts) { f.activations[0].state.Approvals[0].Status = workflows.ApprovalOpen },
			[]string{"each approval and run has the status that the simulated Artmail sent"},
		},
		"a run is unknown": {
			func(f *facts) { f.activations[0].state.Runs = nil }, []string{"each approval and run has the status that the simulated Artmail sent"},
		},
		"an outcome reached no app": {
			func(f *facts) { delete(f.heard.Outcomes, "r") }, []string{"each outcome and approval reached its app in exactly one notice"},
		},
		"two outcomes reached the app": {
			func(f *facts) { f.heard.Outcomes["r"] = []string{"COMPLETED", "FAILED"} },
			[]string{"each outcome and approval reached its app in exactly one notice"},
		},
		"an outcome reached the app in two notices": {
			func(f *facts) { f.heard.Outcomes["r"] = []string{"COMPLETED", "COMPLETED"} },
			[]string{"each outcome and approval reached its app in exactly one notice"},
		},
		"an approval reached no app": {
			func(f *facts) { delete(f.heard.Approvals, "m") }, []string{"each outcome and approval reached its app in exactly one notice"},
		},
		"a case is stuck":           {func(f *facts) { f.stuck = []string{"x"} }, []string{"no case or activation is stuck"}},
		"a process ended by itself": {func(f *facts) { f.unexpected = []string{"x"} }, []string{"no process except Temporal exited by itself"}},
		"a full disk was not recovered from": {
			func(f *facts) { f.unmended = []string{"x"} }, []string{"each full disk is answered with 503 and recovered from"},
		},
		"a ping is kept and not delivered": {
			func(f *facts) {
				f.stored = append(f.stored, storedEvent{id: "p", kind: workflows.KindTestPing, state: inbox.StateIgnored, bodyHash: bodyHash{5}})
			}, nil,
		},
		"an event of a workflow is not delivered": {
			func(f *facts) { f.stored[1].state = inbox.StateIgnored }, []string{"each event ends as delivered or late"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			c.change(&f)
			var found []string
			for _, i := range check(f) {
				require.Positive(t, i.Checked, i.Name)
				if len(i.Violations) > 0 {
					found = append(found, i.Name)
				}
			}
			require.Equal(t, c.want, found)
		})
	}
}

func TestASeedDecidesWhatHappens(t *testing.T) {
	t.Parallel()
	require.Equal(t, write(7, 500, false), write(7, 500, false))
	require.NotEqual(t, write(7, 500, false), write(8, 500, false))
	o := Options{Events: 500, Kills: 5, Inbox: inboxPostgres}
	for _, one := range o.roles() {
		require.Equal(t, planFaults(7, one, o), planFaults(7, one, o))
		require.NotEqual(t, planFaults(7, one, o), planFaults(8, one, o))
	}
}

func TestAScriptHasTheEventsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	for _, events := range []int{1, 10, 150, 5000} {
		s := write(3, events, false)
		n := 0
		for _, c := range s.cases {
			n += len(c.answered) + 1
			require.Len(t, c.pauses, len(c.answered)+1)
			require.Len(t, c.renewed, len(c.answered))
		}
		for _, a := range s.activations {
			n += len(a.steps) + 1
			require.Len(t, a.pauses, len(a.steps))
			require.Len(t, a.approvals, len(a.steps))
			require.Len(t, a.renewed, len(a.steps))
		}
		require.GreaterOrEqual(t, n, events)
		require.Less(t, n, events+2*mostQuestions)
	}
}

func TestFaultsAreSpreadOverTheStream(t *testing.T) {
	t.Parallel()
	o := Options{Events: 1000, Kills: 4, Inbox: inboxSQLite}
	for seed := range uint64(50) {
		faults, kinds := planFaults(seed, roleIngress, o), o.faultKindsOf(roleIngress)
		require.Len(t, faults, 4*len(kinds))
		require.True(t, slices.IsSortedFunc(faults, func(a, b fault) int { return int(a.at - b.at) }))
		for n, f := range faults {
			require.Equal(t, kinds[n%len(kinds)], f.kind)
			require.GreaterOrEqual(t, f.at, int64(50))
			require.Less(t, f.at, int64(1000))
			require.Less(t, f.away, 3*time.Second)
		}
	}
	require.Len(t, planFaults(1, roleWorker, o), 8)
	o.Inbox = inboxPostgres
	require.Len(t, planFaults(1, rolePostgres, o), 8)
	require.Len(t, planFaults(1, roleIngress, o), 8, "its disk is not PostgreSQL's")
	o.only = map[role][]faultKind{roleWorker: {faultKill}}
	require.Len(t, planFaults(1, roleWorker, o), 4)
	require.Empty(t, planFaults(1, roleIngress, o))
}
