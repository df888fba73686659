package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// ReconcileNow applies a person's request to read the case now. A reconcile activity that waits between two reads starts again.
func ReconcileNow(c Case, asked workflows.ReconcileNow, now time.Time) Case {
	s := &c.State
	if s.CaseID == "" || s.Status.Ended() {
		return c
	}
	s.Check = &workflows.Check{By: workflows.Clip(asked.By, workflows.MaxShortTextBytes), At: now}
	s.Checks++
	if s.ReadWanted {
		wantReadAfter(s)
	}
	return c
}

// Reconciled applies the news of the reconcile activity. Its result is dropped if an event has named another case since it began.
func Reconciled(c Case, params workflows.ReconcileCaseParams, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	if s.CaseID != params.CaseID {
		return c
	}
	s.Trouble, s.LastError = "", ""
	known, before, status, checked := s.Known, s.Facts, s.Status, s.Check != nil && params.Check == s.Checks
	if checked {
		s.Check = nil
	}
	applySnapshot(&c, snapshot, now)
	if s.Status.Ended() {
		applyHeldEnd(&c, now)
	}
	options := c.Start.Options
	switch {
	case checked && s.Status == status && askedID(s.Facts) == askedID(before):
		// Nothing changed, so the next read keeps its time.
		if soon := now.Add(options.PollFloor.Std()); s.ReconcileAt.Before(soon) {
			s.ReconcileAt = soon
		}
	case s.Known == known:
		// Nothing changed: back off, or this becomes a hot loop.
		s.ReconcileAt = now.Add(options.PollCeiling.Std())
	case s.Facts.Status == before.Status && askedID(s.Facts) == askedID(before):
		s.ReconcileAt = now.Add(options.PollFloor.Std())
	default:
		// The webhook of this change was lost, so don't wait for the next one.
		s.ReconcileAt = now
	}
	return c
}

// ReconcileFailed applies a reconcile activity that ended without news: with a new trouble, or because a trouble is over. Its
// failure is dropped if an event has named another case since it began.
func ReconcileFailed(c Case, params workflows.ReconcileCaseParams, f rules.Failure, now time.Time) Case {
	s := &c.State
	if s.CaseID != params.CaseID {
		return c
	}
	trouble := troubleOf(f)
	if params.Check == s.Checks && (trouble == "" || trouble == s.Trouble) {
		s.Check = nil
	}
	switch {
	case f.Type == workflows.ErrTypeOffloadNoNews:
		if s.Trouble != "" {
			s.Trouble, s.LastError = "", ""
		}
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	case trouble != "" && trouble != s.Trouble:
		noteTrouble(s, trouble)
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now
	default:
		if trouble == "" && f.Type != rules.FailureCancelled {
			// The failure has no attention of its type, but a case that can't be read must not wait in silence.
			noteTrouble(s, workflows.AttentionUnreadable)
		}
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now.Add(c.Start.Options.PollCeiling.Std())
	}
	return c
}

// Read applies a single read of a case. It was requested to confirm an event, to verify an adoption, to learn whether an answer arrived,
// to complete a webhook, or as the last read before expiry. A read that began before the webhook that it must complete is dropped.
func Read(c Case, params workflows.GetCaseParams, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	switch {
	case s.CaseID == "" && s.Verifying == params.CaseID:
		return applyVerification(c, snapshot, now)
	case s.CaseID != params.CaseID || s.Reads != params.Number:
		return c
	}
	s.ReadWanted, s.Check = false, nil
	s.Trouble, s.LastError = "", ""
	applySnapshot(&c, snapshot, now)
	applyHeldEnd(&c, now)
	if len(s.Unconfirmed) > 0 {
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	}
	if s.Expiring {
		expire(&c, "", now)
	}
	return c
}

// ReadFailed applies the failure of a single read. The reconcile activity goes on, and its first read counts as news, because the
// question behind this read is still open.
func ReadFailed(c Case, params workflows.GetCaseParams, f rules.Failure, now time.Time) Case {
	s := &c.State
	switch {
	case s.CaseID == "" && s.Verifying == params.CaseID:
		refuseAdoption(s, params.CaseID+" could not be verified: "+f.Message)
		return c
	case s.CaseID != params.CaseID || s.Reads != params.Number:
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

// applySnapshot merges a read. If an unconfirmed webhook had reported the same before, the source of the change is the webhook.
func applySnapshot(c *Case, snapshot workflows.CaseSnapshot, now time.Time) {
	s := &c.State
	readAt := rules.Arrival(snapshot.ReadAt, now)
	facts := withoutFuture(snapshot.Facts.Bounded(), readAt)
	if facts.CaseID != "" && facts.CaseID != s.CaseID {
		otherCase(s, facts.CaseID)
		return
	}
	// updatedAt is documented as always present; without it, use the time of the read.
	at := rules.EventTime(facts.UpdatedAt, readAt)
	if !facts.UpdatedAt.IsZero() {
		facts.UpdatedAt = at
	}
	s.UnknownStatus = ""
	if rank(facts.Status) < 0 {
		s.UnknownStatus = facts.Status
		s.LastError = clipError(fmt.Sprintf("Offload reports status %q, which Signalbox does not know", facts.Status))
		s.Known = knownFrom(facts, at)
		fillLasting(&s.Facts, facts)
		s.Facts = s.Facts.Bounded()
		return
	}
	source := workflows.NewsByPoll
	if merge(s, facts, at) {
		if confirmEvents(s, facts) {
			source = workflows.NewsByWebhook
		}
		applyUnconfirmed(s)
	} else {
		raiseConflict(s)
	}
	if q := facts.Question; q != nil && q.ID == s.ClosedQuestion && facts.Status == workflows.OffloadInputNeeded && q.Status != workflows.QuestionResolved {
		s.ClosedQuestion = ""
	}
	if s.HeldEnd != nil && source == workflows.NewsByPoll && !contradicts(s.HeldEnd.Facts, facts) {
		source = workflows.NewsByWebhook
	}
	// Known is the last read, even if the rules have newer facts: a second equal read is no news.
	s.Known = knownFrom(facts, at)
	deriveStatus(c, source, now)
}

func askedID(facts workflows.CaseFacts) string {
	if facts.Question == nil {
		return ""
	}
	return facts.Question.ID
}
