package lifecycle

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// View is the case as the query "state" shows it.
func View(c Case) workflows.CaseState {
	s := c.State
	view := workflows.CaseState{
		Reference: c.Start.Reference, Account: c.Start.Account, CaseID: s.CaseID,
		Status: s.Status, Since: s.Since, WaitingFor: WaitingFor(c), Attention: Attention(s),
		Answers: s.Answers, Facts: s.Facts, LastError: s.LastError, OtherCaseIDs: s.OtherCaseIDs,
		EventsApplied: s.EventsApplied, Duplicates: s.Duplicates, LateEvents: s.LateEvents,
	}
	if s.Status == workflows.CaseInputNeeded || s.Status == workflows.CaseInputSent {
		view.Question = s.Facts.Question
	}
	if s.Status.Ended() {
		outcome := Outcome(c)
		view.Outcome = &outcome
		view.FilesPending = len(wantedFiles(c))
	}
	return view
}

// Outcome is the result of a case that has ended. While files are being stored it lacks them.
func Outcome(c Case) workflows.CaseOutcome {
	s := c.State
	outcome := workflows.CaseOutcome{
		Reference: c.Start.Reference, Account: c.Start.Account, CaseID: s.CaseID,
		Status: s.Status, ResultStatus: s.Facts.ResultStatus, Reason: s.Reason,
		Facts: s.Facts, Unknown: unknown(s), Source: s.Source, EndedAt: s.Since,
		Attention: Attention(s), Answers: s.Answers,
	}
	tellFiles(&outcome, s)
	return outcome
}

// unknown names what Offload says in webhooks only (Offload, "Get case" lists neither field), where none told. An empty field that a
// webhook did not fill is known to be empty.
func unknown(s State) []string {
	if !isEnd(s.Facts.Status) {
		return nil
	}
	var fields []string
	if s.Facts.Status == workflows.OffloadFailed && !s.HeardEnd {
		fields = append(fields, "failureReason")
	}
	if !s.HeardWebhook {
		fields = append(fields, "metadata")
	}
	return fields
}

// Attention says why a person should look at the case, sorted.
func Attention(s State) []string {
	var reasons []string
	add := func(when bool, reason string) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	ended := s.Status.Ended()
	open := s.Status == workflows.CaseInputNeeded
	add(s.Status == workflows.CaseCreateUncertain, workflows.AttentionCreateUncertain)
	add(s.Creation == CreationRejected && !ended && s.CaseID == "", workflows.AttentionCreateRejected)
	add(s.Trouble != "" && !ended, s.Trouble)
	add(open, workflows.AttentionInputNeeded)
	add(open && s.Asked.Expired, workflows.AttentionQuestionExpired)
	add(s.Conflict, workflows.AttentionConflict)
	add(len(s.OtherCaseIDs) > 0, workflows.AttentionSecondCase)
	add(mayStillRun(s), workflows.AttentionStillRunning)
	add(len(s.UnstoredFiles) > 0, workflows.AttentionFileNotStored)
	add(s.ReplyFailed, workflows.AttentionReplyFailed)
	slices.Sort(reasons)
	return reasons
}

// mayStillRun is true for a case that was ended here and may go on at Offload.
func mayStillRun(s State) bool {
	if s.Status != workflows.CaseCancelled && s.Status != workflows.CaseExpired {
		return false
	}
	return s.Creation == CreationUncertain || (s.CaseID != "" && !isEnd(s.Facts.Status))
}
