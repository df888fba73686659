package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive applies one webhook event. Events may come in any order and any number of times.
func Receive(c Case, e workflows.CaseEvent, now time.Time) Case {
	s := &c.State
	key := seenKey(e)
	if s.Seen.Has(key) {
		s.Duplicates++
		return c
	}
	e = bounded(e, now)
	caseID := e.Facts.CaseID
	another := caseID != "" && s.CaseID != "" && caseID != s.CaseID
	// The sender of an unproven event knew only the shared secret, which does not prove that the event belongs to this case.
	if another && e.Unproven && !s.Adopted && !s.Status.Ended() {
		return c
	}
	s.Seen = s.Seen.With(key, maxSeen)
	if s.Status.Ended() {
		s.LateEvents++
	} else {
		s.EventsApplied++
		s.LastApplied = rules.LastApplied(s.LastApplied, e.ReceivedAt, now)
	}

	switch {
	case another && e.Unproven:
		if !s.Status.Ended() { // a webhook on the case's own URL can still prove its caseId
			s.Unconfirmed = withUnconfirmed(s.Unconfirmed, e)
		}
		return c
	case another && (!s.Adopted || s.Status.Ended()):
		otherCase(s, caseID)
		return c
	case another:
		rebind(&c, caseID, now)
	case s.CaseID == "" && (e.Unproven || caseID == ""):
		// The event names the reference, but only the case's own URL proves its caseId.
		s.Unconfirmed = withUnconfirmed(s.Unconfirmed, e)
		return c
	case s.CaseID == "":
		prove(&c, caseID, now)
	case caseID != "" && !e.Unproven && s.Adopted:
		s.Adopted, s.Unconfirmed = false, ofCase(s.Unconfirmed, caseID)
	}

	if isEnd(e.Facts.Status) && !e.Unproven {
		applyHeldEnd(&c, now)
	}
	switch {
	case needsConfirmation(c, e):
		return receiveUnconfirmed(c, e, now)
	case !s.Status.Ended() && isEnd(e.Facts.Status) && (e.Facts.Omits(workflows.FieldResult) || e.Facts.Omits(workflows.FieldAttachments)):
		holdEnd(s, e)
		return c
	}
	applyEvent(&c, e)
	if s.Status.Ended() {
		return c
	}
	if e.Facts.Omits(workflows.FieldQuestion) {
		wantReadAfter(s)
	}
	s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	deriveStatus(&c, workflows.NewsByWebhook, now)
	return c
}

// ResultOf returns what Receive did with an event, from the states before and after.
func ResultOf(before, after State) workflows.EventResult {
	switch {
	case after.Duplicates > before.Duplicates:
		return workflows.EventDuplicate
	case after.LateEvents > before.LateEvents:
		return workflows.EventLate
	case after.EventsApplied > before.EventsApplied:
		return workflows.EventApplied
	}
	return workflows.EventIgnored
}

// seenKey returns the dedupe key. Unproven events have separate keys: their sender knows only the shared secret and must not block the
// key of a genuine event.
func seenKey(e workflows.CaseEvent) string {
	if e.DedupeKey != "" && e.Unproven {
		return "unproven/" + e.DedupeKey
	}
	return e.DedupeKey
}

// bounded returns the event within the limits, with the status of its kind, and without times in the future.
func bounded(e workflows.CaseEvent, now time.Time) workflows.CaseEvent {
	received := rules.Arrival(e.ReceivedAt, now)
	e.Facts = e.Facts.Bounded()
	e.Facts.Status = eventStatus(e)
	if !e.OccurredAt.IsZero() {
		e.OccurredAt = rules.EventTime(e.OccurredAt, received)
	}
	e.Facts = withoutFuture(e.Facts, received)
	return e
}

func withoutFuture(facts workflows.CaseFacts, received time.Time) workflows.CaseFacts {
	if q := facts.Question; q != nil && !q.RequestedAt.IsZero() {
		asked := *q
		asked.RequestedAt = rules.EventTime(q.RequestedAt, received)
		facts.Question = &asked
	}
	return facts
}

// eventStatus returns the status of an event. The kind counts more than the status field, which only repeats it.
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

// prove applies that a webhook on the case's own URL has named its caseId. A running creation is given up. The rest of the webhook may have
// to wait for a read, so the status follows at once.
func prove(c *Case, caseID string, now time.Time) {
	identify(c, caseID, now)
	c.State.Creation = CreationSettled
	c.State.Trouble, c.State.LastError = "", ""
	deriveStatus(c, workflows.NewsByWebhook, now)
}

// rebind applies that a webhook on the case's own URL has named another case than the adopted one. It forgets what was known of the
// adopted one.
func rebind(c *Case, caseID string, now time.Time) {
	s := &c.State
	adopted := s.CaseID
	s.Facts, s.FactsAt = workflows.CaseFacts{}, time.Time{}
	s.UnknownStatus, s.WebhookApplied, s.EndByWebhook, s.HeldEnd = "", false, false, nil
	s.Asked, s.ClosedQuestion = Asked{}, ""
	s.Answers = overtaken(s.Answers)
	s.Conflict = false
	prove(c, caseID, now)
	otherCase(s, adopted)
}

// applyEvent merges an event that needs no confirmation.
func applyEvent(c *Case, e workflows.CaseEvent) {
	s := &c.State
	before := s.FactsAt
	if !merge(s, e.Facts, e.OccurredAt) {
		raiseConflict(s)
		return
	}
	s.WebhookApplied = true
	s.EndByWebhook = s.EndByWebhook || isEnd(e.Facts.Status)
	if !e.OccurredAt.Before(before) {
		s.Known = knownFrom(s.Facts, e.OccurredAt)
		if s.UnknownStatus != "" && s.Trouble == "" {
			s.LastError = "" // the case can be followed again
		}
		s.UnknownStatus = ""
	}
	applyUnconfirmed(s)
}

// replacesQuestion reports whether a question is newer than the known one: the known one was answered, or was asked earlier.
func replacesQuestion(s State, question *workflows.Question) bool {
	have := s.Facts.Question
	if have == nil || question == nil || have.ID == question.ID {
		return false
	}
	return have.Status == workflows.QuestionResolved || acceptedAnswer(s, have.ID) != nil || asksLater(question, have)
}

func agrees(e workflows.CaseEvent, shown workflows.CaseFacts) bool {
	if e.Facts.CaseID != "" && shown.CaseID != "" && e.Facts.CaseID != shown.CaseID {
		return false
	}
	if isEnd(e.Facts.Status) {
		return !contradicts(e.Facts, shown)
	}
	sameQuestion := e.Facts.Question == nil || shown.Question == nil || e.Facts.Question.ID == shown.Question.ID
	return e.Facts.Status == shown.Status && sameQuestion
}

func knownFrom(facts workflows.CaseFacts, at time.Time) workflows.KnownCase {
	known := workflows.KnownCase{Status: facts.Status, UpdatedAt: at.UTC()} // in UTC, so that == works
	if facts.Question != nil {
		known.QuestionID, known.QuestionStatus = facts.Question.ID, facts.Question.Status
	}
	return known
}
