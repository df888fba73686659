package torture

import (
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Invariant is a condition that must hold, with its violations.
type Invariant struct {
	Name string `json:"name"`
	// Checked is how many items were checked.
	Checked    int      `json:"checked"`
	Violations []string `json:"violations"`
}

func (i *Invariant) violated(format string, args ...any) {
	i.Violations = append(i.Violations, fmt.Sprintf(format, args...))
}

// check checks every invariant on the facts.
func check(f facts) []Invariant {
	all := []Invariant{
		nothingLost(f), nothingStoredTwice(f), allEnded(f), allApplied(f), nothingTwice(f),
		{Name: "no workflow's state goes backwards", Checked: f.readings, Violations: f.regressed},
		oneCase(f), sameEnds(f), answersArrived(f), approvalsAnswered(f), allDelivered(f),
		{Name: "no case or activation is stuck", Checked: len(f.cases) + len(f.activations), Violations: f.stuck},
		{Name: "no process except Temporal exited by itself", Checked: f.watched, Violations: f.unexpected},
	}
	if f.fills {
		all = append(all, Invariant{Name: "each full disk is answered with 503 and recovered from", Checked: f.filled, Violations: f.unmended})
	}
	return all
}

// nothingLost checks the first promise of the README.
func nothingLost(f facts) Invariant {
	i := Invariant{Name: "each acknowledged event is in the inbox", Checked: len(f.acknowledged)}
	stored := map[bodyHash]bool{}
	for _, e := range f.stored {
		stored[e.bodyHash] = true
	}
	for name := range f.acknowledged {
		if !stored[name] {
			i.violated("event %x… was acknowledged and is not in the inbox", name[:6])
		}
	}
	return i
}

func nothingStoredTwice(f facts) Invariant {
	i := Invariant{Name: "each event is in the inbox once", Checked: len(f.stored)}
	stored := map[bodyHash]string{}
	for _, e := range f.stored {
		if first, twice := stored[e.bodyHash]; twice {
			i.violated("deliveries %s and %s of %s have the same body", first, e.id, e.lane)
		}
		stored[e.bodyHash] = e.id
		if e.conflict {
			i.violated("delivery %s of %s is a conflict: its dedupe key is known with another body", e.id, e.lane)
		}
	}
	return i
}

// allEnded requires that each event is delivered or late: all events are well formed and belong to a workflow. Only a ping belongs to none, and
// is ignored.
func allEnded(f facts) Invariant {
	i := Invariant{Name: "each event ends as delivered or late", Checked: len(f.stored)}
	for _, e := range f.stored {
		if e.kind == workflows.KindTestPing && e.state == inbox.StateIgnored {
			continue
		}
		if e.state != inbox.StateDelivered && e.state != inbox.StateLate {
			i.violated("delivery %s of %s is %s: %s", e.id, e.lane, e.state, e.reason)
		}
	}
	return i
}

// handed counts the deliveries of a lane by their state in the inbox. The workflow may have processed a late delivery: the relay may have been
// killed after it sent the signal and before it settled the delivery.
type handed struct{ delivered, late int }

func handedOver(f facts) map[string]handed {
	lanes := map[string]handed{}
	for _, e := range f.stored {
		h := lanes[e.lane]
		switch e.state {
		case inbox.StateDelivered:
			h.delivered++
		case inbox.StateLate:
			h.late++
		case inbox.StatePending, inbox.StateUnmatched, inbox.StateIgnored, inbox.StateDead, inbox.StateQuarantined:
		}
		lanes[e.lane] = h
	}
	return lanes
}

// taken returns how many different events each workflow has processed. Workflows count repetitions separately.
func taken(f facts) map[string]int {
	counts := map[string]int{}
	for _, c := range f.cases {
		counts[workflows.OffloadCaseWorkflowID(c.reference)] = c.state.EventsApplied + c.state.LateEvents
	}
	for _, a := range f.activations {
		counts[workflows.ArtmailActivationWorkflowID(agent, a.id)] = a.state.EventsApplied + a.state.LateEvents
	}
	return counts
}

func allApplied(f facts) Invariant {
	i := Invariant{Name: "each delivered event was processed by its workflow"}
	counts := taken(f)
	for lane, h := range handedOver(f) {
		i.Checked += h.delivered
		if counts[lane] < h.delivered {
			i.violated("%s: %d events were delivered, %d were processed", lane, h.delivered, counts[lane])
		}
	}
	return i
}

func nothingTwice(f facts) Invariant {
	i := Invariant{Name: "no event counts twice", Checked: len(f.stored)}
	lanes := handedOver(f)
	for lane, count := range taken(f) {
		if h := lanes[lane]; count > h.delivered+h.late {
			i.violated("%s: %d events were processed, but the inbox has only %d for it", lane, count, h.delivered+h.late)
		}
	}
	return i
}

func oneCase(f facts) Invariant {
	i := Invariant{Name: "one case at Offload for each reference", Checked: len(f.cases)}
	for _, c := range f.cases {
		if len(c.created) != 1 {
			i.violated("case %s was created %d times: %v", c.reference, len(c.created), c.created)
		}
	}
	return i
}

func sameEnds(f facts) Invariant {
	i := Invariant{Name: "each workflow agrees with its provider", Checked: len(f.cases) + len(f.activations)}
	for _, c := range f.cases {
		if want := endOf(c.playedCase); c.state.Status != want || c.state.CaseID != c.caseID {
			i.violated("case %s is %s (%s), at Offload %s (%s)", c.reference, c.state.Status, c.state.CaseID, want, c.caseID)
		}
	}
	for _, a := range f.activations {
		if a.state.Status != a.atArtmail {
			i.violated("activation %s is %s, at Artmail %s", a.id, a.state.Status, a.atArtmail)
		}
	}
	return i
}

func endOf(c playedCase) workflows.CaseStatus {
	if c.fails {
		return workflows.CaseFailed
	}
	return workflows.CaseCompleted
}

func answersArrived(f facts) Invariant {
	i := Invariant{Name: "each answer reached Offload exactly once"}
	for _, c := range f.cases {
		for question, times := range c.answers {
			i.Checked++
			if times != 1 {
				i.violated("the answer to question %s of case %s was accepted %d times", question, c.reference, times)
			}
		}
	}
	return i
}

func approvalsAnswered(f facts) Invariant {
	i := Invariant{Name: "each approval and run has the status that the simulated Artmail sent"}
	for _, a := range f.activations {
		i.Checked += len(a.approvals) + len(a.runs)
		i.Violations = append(i.Violations, unanswered(a.playedActivation, a.state)...)
	}
	return i
}

// allDelivered requires exactly one notice of each outcome and each closed approval. Repeated deliveries of the same notice do not count.
func allDelivered(f facts) Invariant {
	i := Invariant{Name: "each outcome and approval reached its app in exactly one notice"}
	expect := func(what string, told []string, want string) {
		i.Checked++
		if !slices.Equal(told, []string{want}) {
			i.violated("%s: notices with %v, want one with %s", what, told, want)
		}
	}
	for _, c := range f.cases {
		expect("case "+c.reference, f.heard.Outcomes[c.reference], string(endOf(c.playedCase)))
	}
	for _, a := range f.activations {
		for message, approved := range a.approvals {
			expect("approval "+message, f.heard.Approvals[message], string(answerOf(approved)))
		}
	}
	return i
}
