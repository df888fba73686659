package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive applies one webhook event, and returns what it did with it. Events may come in any order and any number of times.
func Receive(c Case, e workflows.CaseEvent, now time.Time) (Case, workflows.EventResult) {
	e = bounded(e, now)
	result := applyEvent(&c, e, now)
	s := &c.State
	switch result {
	case workflows.EventApplied:
		s.EventsApplied++
		s.LastApplied = rules.LastApplied(s.LastApplied, e.ReceivedAt, now)
	case workflows.EventDuplicate:
		s.Duplicates++
	case workflows.EventLate:
		s.LateEvents++
	case workflows.EventIgnored:
	}
	if result != workflows.EventIgnored {
		s.Seen = s.Seen.With(seenKey(e), maxSeen)
	}
	return c, result
}

// eventCase says which case an event names. Only a webhook on the case's own URL proves it: a sender to the shared route knows just the shared secret.
type eventCase int

const (
	// ownCase: the bound case, or no case.
	ownCase eventCase = iota
	// firstCase: proven, and no case is bound yet.
	firstCase
	// adoptedCase: proven, and the bound case, which was only adopted.
	adoptedCase
	// insteadOfAdopted: proven, and another case than the bound one, which was only adopted.
	insteadOfAdopted
	// secondCase: proven, and another case than the bound one.
	secondCase
	// unprovenCase: no case is bound, or another one was only adopted; a webhook on the case's own URL can still prove which case it is.
	unprovenCase
	// foreignCase: not proven, and another case than the bound one.
	foreignCase
)

// whichCase returns which case the event names.
func whichCase(s State, e workflows.CaseEvent) eventCase {
	caseID := e.Facts.CaseID
	replaceable := s.Adopted && !s.Status.Ended()
	switch {
	case s.CaseID == "" && (e.Unproven || caseID == ""):
		return unprovenCase
	case s.CaseID == "":
		return firstCase
	case caseID == s.CaseID && s.Adopted && !e.Unproven:
		return adoptedCase
	case caseID == s.CaseID, caseID == "":
		return ownCase
	case e.Unproven && replaceable:
		return unprovenCase
	case e.Unproven:
		return foreignCase
	case replaceable:
		return insteadOfAdopted
	}
	return secondCase
}

// applyEvent applies an event that is within the limits. An event that a read must confirm is kept, and counts as applied even if no read ever
// agrees with it: relay and alerts want to know whether the case has the event.
func applyEvent(c *Case, e workflows.CaseEvent, now time.Time) workflows.EventResult {
	s := &c.State
	if s.Seen.Has(seenKey(e)) {
		return workflows.EventDuplicate
	}
	result := workflows.EventApplied
	if s.Status.Ended() {
		result = workflows.EventLate
	}

	switch whichCase(*s, e) {
	case foreignCase:
		if s.Status.Ended() {
			return result
		}
		return workflows.EventIgnored
	case unprovenCase:
		s.Unconfirmed = withUnconfirmed(s.Unconfirmed, e)
		return result
	case secondCase:
		otherCase(s, e.Facts.CaseID)
		return result
	case insteadOfAdopted:
		rebind(c, e.Facts.CaseID, now)
	case firstCase:
		prove(c, e.Facts.CaseID, now)
	case adoptedCase:
		proveAdopted(s, e.Facts.CaseID)
	case ownCase:
	}

	if isEnd(e.Facts.Status) && !e.Unproven {
		applyHeldEnd(c, now)
	}
	switch {
	case needsConfirmation(*c, e):
		receiveUnconfirmed(c, e, now)
		return result
	case !s.Status.Ended() && isEnd(e.Facts.Status) && lacksWhatGETHas(*c, e.Facts):
		holdEnd(c, e, now)
		return result
	}
	mergeEvent(c, e)
	if s.Status.Ended() {
		return result
	}
	if e.Facts.Omits(workflows.FieldQuestion) {
		wantReadAfter(s)
	}
	if s.HeldEnd == nil {
		s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	}
	deriveStatus(c, workflows.NewsByWebhook, now)
	return result
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

// prove applies that a webhook on the case's own URL has named its caseId. A running creation is cancelled. The rest of the webhook may have
// to wait for a read, so the status follows at once.
func prove(c *Case, caseID string, now time.Time) {
	identify(c, caseID, now)
	c.State.Creation = CreationSettled
	c.State.Trouble, c.State.LastError = "", ""
	deriveStatus(c, workflows.NewsByWebhook, now)
}

// mergeEvent merges an event that needs no confirmation.
func mergeEvent(c *Case, e workflows.CaseEvent) {
	s := &c.State
	before := s.FactsAt
	if !merge(s, e.Facts, e.OccurredAt) {
		raiseConflict(s)
		return
	}
	applyStillAsks(s, e.Facts, e.OccurredAt)
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
