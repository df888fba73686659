package lifecycle

import (
	"github.com/signalbox-dev/signalbox/workflows"
)

// View returns the case for the query "state".
func View(c Case) workflows.CaseState {
	s := c.State
	view := workflows.CaseState{
		Reference: c.Start.Reference, Account: c.Start.Account, CaseID: s.CaseID,
		Status: s.Status, Since: s.Since, WaitingFor: WaitingFor(c), Attention: Attention(s),
		Answers: s.Answers, Facts: s.Facts, LastError: s.LastError, Verifying: s.Verifying, Check: s.ReconcileAsked, OtherCaseIDs: s.OtherCaseIDs,
		EventsApplied: s.EventsApplied, Duplicates: s.Duplicates, LateEvents: s.LateEvents, LastApplied: s.LastApplied,
	}
	if request := c.Start.Request; request != nil {
		view.Objective, view.Counterparty = request.Goal.Objective, request.Counterparty.Name
	}
	if s.Status == workflows.CaseInputNeeded || s.Status == workflows.CaseInputSent {
		view.Question = s.Facts.Question
	}
	if s.Status.Ended() {
		outcome := Outcome(c)
		view.Outcome = &outcome
	}
	return view
}
