package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive applies events that arrived together, in the order of the provider's times.
func Receive(a Activation, events []workflows.ActivationEvent, now time.Time) (Activation, []Note) {
	a = clone(a)
	ordered := slices.Clone(events)
	for i := range ordered {
		ordered[i] = bounded(ordered[i], now)
	}
	slices.SortStableFunc(ordered, compareEvents)

	notes := make([]Note, 0, len(ordered))
	for _, e := range ordered {
		result, why := applyEvent(&a, e, now)
		if result == workflows.EventApplied && changesActivation(e.Kind) {
			addChangeNotice(&a, e, now)
		}
		switch result {
		case workflows.EventApplied:
			a.State.EventsApplied++
			a.State.LastApplied = rules.LastApplied(a.State.LastApplied, e.ReceivedAt, now)
		case workflows.EventDuplicate:
			a.State.Duplicates++
		case workflows.EventLate:
			a.State.LateEvents++
		case workflows.EventIgnored:
		}
		// An event that could not be read in full stays out of Seen, so that a replay applies once the cause is repaired. So does an early response:
		// it may be removed before its request is registered.
		if result != workflows.EventIgnored && !unclear(e) && !isEarly(&a.State, e) {
			a.State.Seen = a.State.Seen.With(e.DedupeKey, maxSeen)
		}
		notes = append(notes, Note{Text: "event", Result: result, Kind: e.Kind, ID: e.DeliveryID, Why: why, ReceivedAt: e.ReceivedAt})
		deriveStatus(&a.State, now)
	}
	return a, notes
}

func changesActivation(kind string) bool {
	switch kind {
	case workflows.KindAgentActivated, workflows.KindAgentPaused, workflows.KindAgentResumed, workflows.KindAgentDeactivated:
		return true
	}
	return false
}

// applyEvent applies an event that is within the limits, and returns what it did with it, and why.
func applyEvent(a *Activation, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	s := &a.State
	// A first or another API key counts once even with the dedupe key of an earlier event: Artmail's dedupe key is the activationId only. The
	// earlier body may have had no readable key, and another key needs a person.
	if s.Seen.Has(e.DedupeKey) && !bringsFirstKey(s, e) && !bringsOtherKey(s, e) {
		return workflows.EventDuplicate, "its dedupe key was seen"
	}
	if s.Ended != nil {
		return workflows.EventLate, "the activation has ended"
	}
	switch e.Kind {
	case workflows.KindAgentActivated:
		return activate(s, e, now)
	case workflows.KindAgentPaused:
		return change(s, Change{At: e.OccurredAt, Paused: true, Reason: workflows.Clip(e.Reason, maxWord)})
	case workflows.KindAgentResumed:
		return change(s, Change{At: e.OccurredAt})
	case workflows.KindAgentDeactivated:
		end(a, Ending{At: e.OccurredAt, Reason: workflows.Clip(e.Reason, maxWord)}, "the activation was deactivated", now)
		return workflows.EventApplied, ""
	case workflows.KindApprovalResponse:
		return respond(a, e, now)
	case workflows.KindRunForceFailed:
		return forceFail(a, e, now)
	}
	return workflows.EventIgnored, "its kind is not known"
}

// bounded returns the event with a key and a fingerprint within the limits, and without a time in the future: a wrong clock of the ingress must
// not date a change years ahead. The rules of the kinds cut the other fields.
func bounded(e workflows.ActivationEvent, now time.Time) workflows.ActivationEvent {
	e.OccurredAt = rules.EventTime(e.OccurredAt, rules.Arrival(e.ReceivedAt, now))
	if len(e.APIKeyFingerprint) > maxFingerprint {
		e.APIKeyFingerprint = nil // too long to be a fingerprint
	}
	if len(e.SealedAPIKey) > maxSealedKey {
		e.SealedAPIKey, e.APIKeyFingerprint = nil, nil // too long to be an API key
	}
	return e
}

// compareEvents orders events. At the same time a response comes before an event that voids its approval, because the brand did answer.
func compareEvents(a, b workflows.ActivationEvent) int {
	return cmp.Or(
		a.OccurredAt.Compare(b.OccurredAt),
		cmp.Compare(rank(a.Kind), rank(b.Kind)),
		cmp.Compare(a.MessageID, b.MessageID),
		cmp.Compare(a.DedupeKey, b.DedupeKey),
		cmp.Compare(a.DeliveryID, b.DeliveryID),
	)
}

func rank(kind string) int {
	switch kind {
	case workflows.KindAgentActivated:
		return 0
	case workflows.KindApprovalResponse:
		return 1
	case workflows.KindRunForceFailed:
		return 2
	case workflows.KindAgentDeactivated:
		return 4
	}
	return 3
}

// activate keeps the key of the earliest activation. Artmail sends a key once, so a repetition never replaces it. Of two different keys
// the one with the earlier time stays, in either order of arrival.
func activate(s *State, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	next := &Activated{At: e.OccurredAt, SealedAPIKey: e.SealedAPIKey, Fingerprint: e.APIKeyFingerprint, User: clippedUser(e.User)}
	known := s.Activated
	switch {
	case known == nil:
		s.Activated = next
		return workflows.EventApplied, ""
	case bringsFirstKey(s, e):
		next.At = rules.Sooner(known.At, next.At)
		if next.User == nil {
			next.User = known.User
		}
		s.Activated = next
		return workflows.EventApplied, "it brings the API key that was missing"
	case !bringsOtherKey(s, e):
		known.At = rules.Sooner(known.At, next.At)
		return workflows.EventDuplicate, "the activation is already known"
	}
	s.KeyConflictAt = now
	other := next.Fingerprint
	if keyBefore(next, known) {
		s.Activated, other = next, known.Fingerprint
	} else if isOtherKey(s, other) {
		return workflows.EventDuplicate, "this other API key is already known"
	}
	if !isOtherKey(s, other) {
		s.OtherKeys = rules.Appended(s.OtherKeys, other, maxOtherKeys)
	}
	return workflows.EventApplied, "it brings another API key"
}

func clippedUser(u *workflows.ActivationUser) *workflows.ActivationUser {
	if u == nil {
		return nil
	}
	return &workflows.ActivationUser{ID: workflows.Clip(u.ID, maxID), Email: workflows.Clip(u.Email, maxID)}
}

func change(s *State, c Change) (workflows.EventResult, string) {
	if !record(s, c) {
		return workflows.EventDuplicate, "this change is already known"
	}
	if last := s.Changes[len(s.Changes)-1]; compareChanges(last, c) != 0 {
		return workflows.EventLate, "a newer change is known"
	}
	return workflows.EventApplied, ""
}
