package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// ReconcileNow takes in that a person wants the case to be read now. A read that waits for its next attempt begins again.
func ReconcileNow(c Case, asked workflows.ReconcileNow, now time.Time) Case {
	s := &c.State
	if s.CaseID == "" || s.Status.Ended() {
		return c
	}
	s.Check = &workflows.Check{By: workflows.Clip(asked.By, workflows.MaxShortTextBytes), At: now}
	s.Checks++
	return c
}

// Reconciled takes in the news that reconciling brought.
func Reconciled(c Case, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	s.Trouble, s.LastError = "", ""
	known, before, status, checked := s.Known, s.Facts, s.Status, s.Check != nil
	s.Check = nil
	shown(&c, snapshot, now)
	options := c.Start.Options
	switch {
	case checked && s.Status == status && askedID(s.Facts) == askedID(before):
		// Nothing changed, so the next read stays where it was.
		if soon := now.Add(options.PollFloor.Std()); s.ReconcileAt.Before(soon) {
			s.ReconcileAt = soon
		}
	case s.Known == known:
		// Nothing changed: back off, or this becomes a hot loop.
		s.ReconcileAt = now.Add(options.PollCeiling.Std())
	case s.Facts.Status == before.Status && askedID(s.Facts) == askedID(before):
		s.ReconcileAt = now.Add(options.PollFloor.Std())
	default:
		// The webhook of this news never came, so there is no reason to wait for the next one.
		s.ReconcileAt = now
	}
	return c
}

// ReconcileFailed takes in that reconciling stopped without news of the case: with a trouble that is new, or with the end of one.
func ReconcileFailed(c Case, f rules.Failure, now time.Time) Case {
	s := &c.State
	trouble := troubleOf(f)
	if trouble == "" || trouble == s.Trouble {
		s.Check = nil
	}
	switch {
	case f.Type == workflows.ErrTypeOffloadNoNews && s.Trouble != "":
		s.Trouble, s.LastError = "", ""
		s.ReconcileAt = now
	case f.Type == workflows.ErrTypeOffloadNoNews:
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	case trouble != "" && trouble != s.Trouble:
		noteTrouble(s, trouble)
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now
	default:
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now.Add(c.Start.Options.PollCeiling.Std())
	}
	return c
}

// Read takes in a single read of a case: to confirm an event, to verify an adoption, to see whether an answer arrived, to bring what the webhook
// of the end omitted, or as the last one.
func Read(c Case, caseID string, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	switch {
	case s.CaseID == "" && s.Verifying == caseID:
		return verified(c, snapshot, now)
	case s.CaseID != caseID:
		return c
	}
	s.ReadWanted, s.Check = false, nil
	s.Trouble, s.LastError = "", ""
	shown(&c, snapshot, now)
	applyHeldEnd(&c, now)
	if len(s.Unconfirmed) > 0 {
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	}
	if s.Expiring {
		expire(&c, "", now)
	}
	return c
}

// ReadFailed takes in that a single read showed nothing. Reconciling goes on, and its first read is news whatever it shows: what was in doubt
// still is, such as a question that Offload refused an answer to.
func ReadFailed(c Case, caseID string, f rules.Failure, now time.Time) Case {
	s := &c.State
	switch {
	case s.CaseID == "" && s.Verifying == caseID:
		refuseAdoption(s, caseID+" could not be verified: "+f.Message)
		return c
	case s.CaseID != caseID:
		return c
	}
	s.ReadWanted = false
	s.LastError = clipError(f.Message)
	if trouble := troubleOf(f); trouble != "" {
		noteTrouble(s, trouble)
	}
	s.Known = workflows.KnownCase{}
	s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	applyHeldEnd(&c, now)
	if s.Expiring {
		expire(&c, "; the last read failed: "+f.Message, now)
	}
	return c
}

// shown learns from a snapshot. What an unconfirmed webhook had said already counts as the webhook's news.
func shown(c *Case, snapshot workflows.CaseSnapshot, now time.Time) {
	s := &c.State
	readAt := snapshot.ReadAt
	if readAt.IsZero() || readAt.After(now) {
		readAt = now
	}
	facts := withoutFuture(snapshot.Facts.Bounded(), readAt)
	if facts.CaseID != "" && facts.CaseID != s.CaseID {
		otherCase(s, facts.CaseID)
		return
	}
	// updatedAt is documented as always present; without it the time of reading is the best there is.
	at := rules.EventTime(facts.UpdatedAt, readAt)
	if !facts.UpdatedAt.IsZero() {
		facts.UpdatedAt = at
	}
	s.UnknownStatus = ""
	if rank(facts.Status) < 0 {
		s.UnknownStatus = facts.Status
		s.LastError = clipError(fmt.Sprintf("Offload says status %q, which Signalbox does not know", facts.Status))
		s.Known = knownFrom(facts, at)
		fillLasting(&s.Facts, facts)
		s.Facts = s.Facts.Bounded()
		return
	}
	source := workflows.NewsByPoll
	if learn(s, facts, at) {
		if confirmEvents(s, facts) {
			source = workflows.NewsByWebhook
		}
		settleUnconfirmed(s)
	} else {
		s.Conflict = true
	}
	if q := facts.Question; q != nil && q.ID == s.ClosedQuestion && facts.Status == workflows.OffloadInputNeeded && q.Status != workflows.QuestionResolved {
		s.ClosedQuestion = ""
	}
	if s.HeldEnd != nil && source == workflows.NewsByPoll && !contradicts(s.HeldEnd.Facts, facts) {
		source = workflows.NewsByWebhook
	}
	// What was read last is known, even where the rules know better: the same reading twice is no news.
	s.Known = knownFrom(facts, at)
	settle(c, source, now)
}

func askedID(facts workflows.CaseFacts) string {
	if facts.Question == nil {
		return ""
	}
	return facts.Question.ID
}
