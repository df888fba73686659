package torture

import (
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Invariant is something that must hold, and where it did not.
type Invariant struct {
	Name string `json:"name"`
	// Checked is how many things were looked at.
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
		{Name: "no workflow went back", Checked: f.readings, Violations: f.regressed},
		oneCase(f), sameEnds(f), answersArrived(f), approvalsAnswered(f), allDelivered(f),
		{Name: "everybody came to their end", Checked: len(f.cases) + len(f.activations), Violations: f.stuck},
		{Name: "no process but Temporal ended by itself", Checked: f.watched, Violations: f.unexpected},
	}
	if f.fills {
		all = append(all, Invariant{Name: "each full disk is answered with 503 and recovered from", Checked: f.filled, Violations: f.unmended})
	}
	return all
}

// nothingLost is the first promise.
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
			i.violated("deliveries %s and %s of %s have one body", first, e.id, e.lane)
		}
		stored[e.bodyHash] = e.id
		if e.conflict {
			i.violated("delivery %s of %s is taken for another body under a known key", e.id, e.lane)
		}
	}
	return i
}

// allEnded accepts the final states that these events can have: all of them are well formed, and each has a workflow, except a ping, which the
// inbox keeps as ignored.
func allEnded(f facts) Invariant {
	i := Invariant{Name: "each event came to an end: delivered or late", Checked: len(f.stored)}
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

// handed counts the deliveries of a lane by their state in the inbox. The workflow may have received a late one: the relay may have been killed
// between the signal and the settlement.
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
			i.violated("%s was delivered %d events and took in %d", lane, h.delivered, counts[lane])
		}
	}
	return i
}

func nothingTwice(f facts) Invariant {
	i := Invariant{Name: "no event counts twice", Checked: len(f.stored)}
	lanes := handedOver(f)
	for lane, count := range taken(f) {
		if h := lanes[lane]; count > h.delivered+h.late {
			i.violated("%s took in %d events, and only %d are its own", lane, count, h.delivered+h.late)
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
	i := Invariant{Name: "each workflow stands as at its provider", Checked: len(f.cases) + len(f.activations)}
	for _, c := range f.cases {
		if want := endOf(c.playedCase); c.state.Status != want || c.state.CaseID != c.caseID {
			i.violated("case %s is %s (%s), at Offload %s (%s)", c.reference, c.state.Status, c.state.CaseID, want, c.caseID)
		}
	}
	for _, a := range f.activations {
		if a.state.Status != a.there {
			i.violated("activation %s is %s, at Artmail %s", a.id, a.state.Status, a.there)
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
	i := Invariant{Name: "each answer reached Offload, once"}
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
	i := Invariant{Name: "each approval and run stands as the brand and Artmail said"}
	for _, a := range f.activations {
		i.Checked += len(a.approvals) + len(a.runs)
		i.Violations = append(i.Violations, unanswered(a.playedActivation, a.state)...)
	}
	return i
}

// allDelivered: an app gets one notice of each end and each answer, however often it is delivered.
func allDelivered(f facts) Invariant {
	i := Invariant{Name: "each outcome and approval was told to who waits for it"}
	expect := func(what string, told []string, want string) {
		i.Checked++
		if !slices.Equal(told, []string{want}) {
			i.violated("%s: told %v, want %s", what, told, want)
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
