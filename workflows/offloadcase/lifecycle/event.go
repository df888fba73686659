package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// seenKeys bounds the window of dedupe keys. Offload sends each event once, and a case has a handful of them; what repeats one is
// the relay, which has one batch per workflow under way and so repeats only the newest, and an operator's replay. The window is the
// quick way only: whatever slips past it, the rules apply a second time without a change.
const seenKeys = 128

// mostClaims bounds the events that wait for confirmation. The oldest gives way: it could only have added its words.
const mostClaims = 8

// Receive takes in one webhook event, at any time and any number of times.
func Receive(c Case, e workflows.CaseEvent, now time.Time) Case {
	s := &c.State
	if key := seenKey(e); key != "" {
		if slices.Contains(s.Seen, key) {
			s.Duplicates++
			return c
		}
		s.Seen = appended(s.Seen, key, seenKeys)
	}
	if s.Status.Ended() {
		s.LateEvents++
	} else {
		s.EventsApplied++
	}
	e.Facts.Status = eventStatus(e)

	caseID := e.Facts.CaseID
	switch {
	case caseID != "" && s.CaseID != "" && caseID != s.CaseID:
		otherCase(s, caseID)
		return c
	case s.CaseID == "" && (e.Unproven || caseID == ""):
		// It names the reference, but only the case's own URL proves that its case is this one.
		claim(s, e)
		return c
	case s.CaseID == "":
		prove(&c, caseID, now)
	}

	if needsConfirmation(c, e) {
		return receiveUnconfirmed(c, e, now)
	}
	accept(&c, e)
	if s.Status.Ended() {
		return c
	}
	s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	settle(&c, workflows.NewsByWebhook, now)
	return c
}

// seenKey keeps the keys of unproven events apart: whoever knows only the shared secret must not occupy the key of an event to come.
func seenKey(e workflows.CaseEvent) string {
	if e.DedupeKey != "" && e.Unproven {
		return "unproven/" + e.DedupeKey
	}
	return e.DedupeKey
}

// prove takes in that a webhook on the case's own URL named its case. A creation still under way keeps its state: it is given up or
// answered, and either is taken in.
func prove(c *Case, caseID string, now time.Time) {
	identify(c, caseID, now)
	if c.State.Creation != CreationPending {
		c.State.Creation = CreationSettled
	}
	c.State.Trouble, c.State.LastError = "", ""
}

// eventStatus trusts the kind before the status field, which only repeats it.
func eventStatus(e workflows.CaseEvent) string {
	switch e.Kind {
	case workflows.KindCaseCompleted:
		return workflows.OffloadCompleted
	case workflows.KindCaseFailed:
		return workflows.OffloadFailed
	case workflows.KindCaseInputNeeded:
		return workflows.OffloadInputNeeded
	}
	return e.Facts.Status
}

// needsConfirmation is true for an event that can't be trusted, can't be put in order, or that the app wants confirmed.
func needsConfirmation(c Case, e workflows.CaseEvent) bool {
	return e.Unproven || e.OccurredAt.IsZero() || (c.Start.Options.ConfirmEnd && isEnd(e.Facts.Status))
}

// receiveUnconfirmed keeps the event as a claim and asks for a look. After the end there is nothing to look for: an event then
// either says the same as the end or contradicts it. What a proven event says of the whole case needs no confirmation.
func receiveUnconfirmed(c Case, e workflows.CaseEvent, now time.Time) Case {
	s := &c.State
	if !e.Unproven {
		s.HeardWebhook = true
		fillLasting(&s.Facts, workflows.CaseFacts{Metadata: e.Facts.Metadata})
	}
	switch {
	case !s.Status.Ended():
		claim(s, e)
		s.LookWanted = true
		s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	case isEnd(s.Facts.Status) && agrees(e, s.Facts):
		confirm(s, e)
	case isEnd(s.Facts.Status) && isEnd(e.Facts.Status) && !e.Unproven:
		s.Conflict = true
	}
	return c
}

// accept learns from an event that stands for itself.
func accept(c *Case, e workflows.CaseEvent) {
	s := &c.State
	before := s.FactsAt
	if !learn(s, e.Facts, e.OccurredAt) {
		s.Conflict = true
		return
	}
	s.HeardWebhook = true
	s.HeardEnd = s.HeardEnd || isEnd(e.Facts.Status)
	if !e.OccurredAt.Before(before) {
		s.Known = knownFrom(s.Facts, e.OccurredAt)
	}
}

func claim(s *State, e workflows.CaseEvent) {
	// The look brings these itself, and they may be large.
	e.Facts.Result, e.Facts.Attachments = nil, nil
	s.Claims = appended(s.Claims, e, mostClaims)
}

// confirmClaims counts the claims that agree with what a look has shown, and says whether there were any. The others stay: the
// provider may have told of them before its own reads show it.
func confirmClaims(s *State, shown workflows.CaseFacts) bool {
	var open []workflows.CaseEvent
	for _, e := range s.Claims {
		if agrees(e, shown) {
			confirm(s, e)
		} else {
			open = append(open, e)
		}
	}
	confirmed := len(open) < len(s.Claims)
	s.Claims = open
	return confirmed
}

// confirm takes from a confirmed event what only webhooks say; the look said the rest.
func confirm(s *State, e workflows.CaseEvent) {
	s.HeardWebhook = true
	s.HeardEnd = s.HeardEnd || isEnd(e.Facts.Status)
	fillLasting(&s.Facts, workflows.CaseFacts{FailureReason: e.Facts.FailureReason, Metadata: e.Facts.Metadata})
}

func agrees(e workflows.CaseEvent, shown workflows.CaseFacts) bool {
	if isEnd(e.Facts.Status) {
		return !contradicts(e.Facts, shown)
	}
	sameQuestion := e.Facts.Question == nil || shown.Question == nil || e.Facts.Question.ID == shown.Question.ID
	return e.Facts.Status == shown.Status && sameQuestion
}

func knownFrom(facts workflows.CaseFacts, at time.Time) workflows.KnownCase {
	known := workflows.KnownCase{Status: facts.Status, UpdatedAt: at.UTC()} // UTC, so that == compares
	if facts.Question != nil {
		known.QuestionID, known.QuestionStatus = facts.Question.ID, facts.Question.Status
	}
	return known
}
