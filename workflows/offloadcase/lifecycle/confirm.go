package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// compareWithEnd applies an unconfirmed event after the end: an event that agrees fills in fields; a proven other end is a conflict.
func compareWithEnd(s *State, e workflows.CaseEvent) {
	switch {
	case !isEnd(s.Facts.Status):
	case agrees(e, s.Facts):
		confirm(s, e, s.Facts)
	case isEnd(e.Facts.Status) && !e.Unproven:
		raiseConflict(s)
	}
}

// applyUnconfirmed applies the unconfirmed events once the end is known, as if they had come after it.
func applyUnconfirmed(s *State) {
	if !isEnd(s.Facts.Status) {
		return
	}
	for _, e := range s.Unconfirmed {
		compareWithEnd(s, e)
	}
	s.Unconfirmed = nil
}

// lacksWhatGETHas reports whether an end lacks a field that a read may bring. Offload says that a completed case "usually" has a result, so a
// missing one counts only if it would be checked.
func lacksWhatGETHas(c Case, said workflows.CaseFacts) bool {
	noResult := len(resultSchema(c)) > 0 && said.Status == workflows.OffloadCompleted && len(said.Result) == 0
	return noResult || said.Omits(workflows.FieldResult) || said.Omits(workflows.FieldAttachments)
}

// holdEnd keeps an end without fields that GET has, until a read brings them. Metadata never changes, so it is stored once only.
func holdEnd(c *Case, e workflows.CaseEvent, now time.Time) {
	s := &c.State
	fillLasting(&s.Facts, workflows.CaseFacts{Metadata: e.Facts.Metadata})
	e.Facts.Metadata = nil
	e.EventMeta = workflows.EventMeta{OccurredAt: e.OccurredAt} // the other fields have no size limit and are no longer needed
	s.HeldEnd = &e
	wantReadAfter(s)
	deriveStatus(c, workflows.NewsByWebhook, now)
}

// maxHeld is how long an end is held after the first read that does not show it: Offload's reads may lag behind its webhooks.
const maxHeld = 3 * time.Minute

// waitsForReads reports whether a later read may still show the end that is held.
func waitsForReads(s State, now time.Time) bool { return s.HeldUntil.After(now) && !s.Expiring }

// wantReadAfter requests a read that begins after this event: a running one may show the case as it was before.
func wantReadAfter(s *State) {
	s.ReadWanted = true
	s.Reads++
}

// applyHeldEnd applies the end that waited for a read.
func applyHeldEnd(c *Case, now time.Time) {
	held := c.State.HeldEnd
	if held == nil {
		return
	}
	c.State.HeldEnd, c.State.HeldUntil, c.State.ReadWanted = nil, time.Time{}, false
	mergeEvent(c, *held)
	deriveStatus(c, workflows.NewsByWebhook, now)
}

// applyUntimedEnd applies the first end that is unconfirmed only because it has no time, as of its arrival. Such an end is proven, so it counts
// where a read fails, or the case ends before a read has confirmed it.
func applyUntimedEnd(c *Case, now time.Time) {
	s := &c.State
	if s.Status.Ended() || c.Start.Options.ConfirmEnd {
		return
	}
	first := slices.IndexFunc(s.Unconfirmed, func(e workflows.CaseEvent) bool { return !e.Unproven && isEnd(e.Facts.Status) })
	if first < 0 {
		return
	}
	e := s.Unconfirmed[first]
	e.OccurredAt = rules.Arrival(e.ReceivedAt, now)
	mergeEvent(c, e)
	deriveStatus(c, workflows.NewsByWebhook, now)
}

// needsConfirmation reports whether an event can't be trusted, has no time to order it by, or must be confirmed for the app.
func needsConfirmation(c Case, e workflows.CaseEvent) bool {
	return e.Unproven || e.OccurredAt.IsZero() || (c.Start.Options.ConfirmEnd && isEnd(e.Facts.Status))
}

// receiveUnconfirmed keeps the event and requests a read. After the end no read follows: the event either agrees with the end or
// contradicts it. A proven event's metadata needs no confirmation.
func receiveUnconfirmed(c *Case, e workflows.CaseEvent, now time.Time) {
	s := &c.State
	if !e.Unproven {
		s.WebhookApplied = true
		fillLasting(&s.Facts, workflows.CaseFacts{Metadata: e.Facts.Metadata})
	}
	switch {
	case !s.Status.Ended():
		s.Unconfirmed = withUnconfirmed(s.Unconfirmed, e)
		s.ReadWanted = true
		s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	default:
		compareWithEnd(s, e)
	}
}

// confirmEvents applies the events that agree with a read, and reports whether there were any. The others stay: the provider's reads may
// lag behind its webhooks.
func confirmEvents(s *State, shown workflows.CaseFacts) bool {
	var open []workflows.CaseEvent
	for _, e := range s.Unconfirmed {
		if agrees(e, shown) {
			confirm(s, e, shown)
		} else {
			open = append(open, e)
		}
	}
	confirmed := len(open) < len(s.Unconfirmed)
	s.Unconfirmed = open
	return confirmed
}

// confirm applies all fields of a confirmed event: those that only webhooks have, and the question if GET does not repeat it. Result and
// attachments count from a proven event only.
func confirm(s *State, e workflows.CaseEvent, shown workflows.CaseFacts) {
	s.WebhookApplied = true
	s.EndByWebhook = s.EndByWebhook || isEnd(e.Facts.Status)
	said := e.Facts
	if e.Unproven {
		said.Result, said.Attachments = nil, nil
		setOmitted(&said, workflows.FieldResult, false)
		setOmitted(&said, workflows.FieldAttachments, false)
	}
	if isEnd(shown.Status) && !shown.Omits(workflows.FieldAttachments) {
		setOmitted(&said, workflows.FieldAttachments, false) // the list that is shown is complete
	}
	if said.Status == s.Facts.Status {
		if said.Status == workflows.OffloadInputNeeded && shown.Question == nil && replacesQuestion(*s, said.Question) {
			s.Facts.Question = said.Question
		}
		fillEnd(&s.Facts, said)
	}
	fillLasting(&s.Facts, said)
	s.Facts = s.Facts.Bounded()
}
