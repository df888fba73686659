package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Attention returns the reasons why a person should look at the case, sorted.
func Attention(s State) []string {
	reasons := lastingAttention(s)
	if s.Outbox.Delayed() {
		reasons = append(reasons, workflows.AttentionNoticeDelayed)
		slices.Sort(reasons)
	}
	return reasons
}

// lastingAttention returns the attention for an outcome. It leaves out a delay of notices, which is over once they are handed off.
func lastingAttention(s State) []string {
	var reasons []string
	add := func(when bool, reason string) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	ended := s.Status.Ended()
	open := s.Status == workflows.CaseInputNeeded
	add(s.Status == workflows.CaseCreateUncertain, workflows.AttentionCreateUncertain)
	add(s.Creation == CreationRejected && !ended, workflows.AttentionCreateRejected)
	add(wantsCreation(s) && !ended && s.NotCreated && s.Trouble == "", workflows.AttentionNotCreated)
	add(s.AdoptRefused, workflows.AttentionAdoptRefused)
	add(s.Trouble != "" && !ended, s.Trouble)
	add(s.UnknownStatus != "" && !ended && s.HeldEnd == nil, workflows.AttentionUnknownStatus)
	add(s.AnswerDelayed && !ended, workflows.AttentionAnswerDelayed)
	add(open, workflows.AttentionInputNeeded)
	add(open && s.Asked.Expired, workflows.AttentionQuestionExpired)
	add(s.Conflict, workflows.AttentionConflict)
	add(len(s.OtherCaseIDs) > 0 || s.CaseID != "" && mayExist(s), workflows.AttentionSecondCase)
	add(mayStillRun(s), workflows.AttentionStillRunning)
	add(offSchema(s), workflows.AttentionResultOffSchema)
	add(s.Outbox.Refused(), workflows.AttentionNoticeRefused)
	slices.Sort(reasons)
	return reasons
}

// mayStillRun reports whether a case that Signalbox has ended may go on at Offload.
func mayStillRun(s State) bool {
	if s.Status != workflows.CaseCancelled && s.Status != workflows.CaseExpired {
		return false
	}
	return mayExist(s) || (s.CaseID != "" && !isEnd(s.Facts.Status))
}

// DueAt returns when the attention becomes urgent: the expiry of the open question, or the case's deadline, which ends the question too;
// without these, when the attention arose.
func DueAt(c Case) time.Time {
	s := c.State
	due := questionExpiresAt(c)
	if s.Status == workflows.CaseInputNeeded {
		due = rules.Sooner(due, c.Start.Options.Deadline)
	}
	if due.IsZero() {
		return s.AttentionSince
	}
	return due
}

// unannounced are reasons without a notice of attention: an open question has its own kind unless it is unknown, and notices about failing
// notices would fail too.
var unannounced = []string{workflows.AttentionInputNeeded, workflows.AttentionNoticeRefused, workflows.AttentionNoticeDelayed}

// noteAttention keeps since when a person is needed, and adds a notice of the reasons that are new since the last turn.
func noteAttention(c *Case, now time.Time) {
	s := &c.State
	before, reasons := s.LastAttention, Attention(*s)
	if len(before) == 0 && len(reasons) > 0 {
		s.AttentionSince = now
	}
	s.LastAttention = reasons
	addAttentionNotice(c, before, now)
}

// addAttentionNotice adds a notice of the reasons that are not in before. After the end it adds none: the outcome has the attention.
func addAttentionNotice(c *Case, before []string, now time.Time) {
	s := &c.State
	reasons := s.LastAttention
	var added []string
	for _, reason := range reasons {
		if !slices.Contains(before, reason) && !slices.Contains(unannounced, reason) {
			added = append(added, reason)
		}
	}
	if asksUnknown(*s) && !s.Asked.Unknown {
		s.Asked.Unknown = true
		added = append(added, workflows.AttentionInputNeeded)
	}
	if len(added) == 0 || s.Status.Ended() {
		return
	}
	for _, waiting := range withdrawKind(s, workflows.NoticeCaseAttention) {
		for _, reason := range waiting.Data.Attention {
			if slices.Contains(reasons, reason) && !slices.Contains(added, reason) {
				added = append(added, reason)
			}
		}
	}
	slices.Sort(added)
	addNotice(c, workflows.NoticeCaseAttention, workflows.NoticeData{Attention: added}, s.Outbox.NewSubject(now), now)
}
