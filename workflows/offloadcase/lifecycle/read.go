package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// ReadDone applies a single read of a case. It was requested to confirm an event, to verify an adoption, to learn whether an answer arrived,
// to complete a webhook, or as the last read before expiry. A read that began before the webhook that it must complete is dropped.
func ReadDone(c Case, params workflows.GetCaseParams, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	switch {
	case s.CaseID == "" && s.Verifying == params.CaseID:
		return applyVerification(c, snapshot, now)
	case s.CaseID != params.CaseID || s.Reads != params.Number:
		return c
	}
	s.ReadWanted, s.ReconcileAsked = false, nil
	s.Trouble, s.LastError = "", ""
	applySnapshot(&c, snapshot, now)
	if s.HeldEnd != nil && s.HeldUntil.IsZero() {
		s.HeldUntil = now.Add(maxHeld)
	}
	if isEnd(s.Facts.Status) || !waitsForReads(*s, now) {
		applyHeldEnd(&c, now)
	}
	if s.HeldEnd != nil || len(s.Unconfirmed) > 0 || s.Facts.Status == workflows.OffloadInputNeeded && s.Facts.Omits(workflows.FieldQuestion) {
		// Offload's reads may lag behind its webhooks.
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
	if !waitsForReads(*s, now) {
		applyHeldEnd(&c, now)
		applyUntimedEnd(&c, now)
	}
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
		applyUnknownStatus(s, facts, at)
		return
	}
	if s.HeldEnd != nil && isEnd(facts.Status) && contradicts(s.HeldEnd.Facts, facts) {
		applyHeldEnd(c, now) // the first end counts
	}
	source := workflows.NewsByPoll
	if merge(s, facts, at) {
		applyStillAsks(s, facts, readAt)
		if confirmEvents(s, facts) {
			source = workflows.NewsByWebhook
		}
		applyUnconfirmed(s)
	} else {
		raiseConflict(s)
	}
	applyClosedQuestion(s, facts)
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
