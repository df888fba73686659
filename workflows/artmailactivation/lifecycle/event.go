package lifecycle

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive applies events that are at hand together, in the order of the provider's times.
func Receive(a Activation, events []workflows.ActivationEvent, now time.Time) (Activation, []Note) {
	a = clone(a)
	ordered := slices.Clone(events)
	for i := range ordered {
		ordered[i].OccurredAt = providerTime(ordered[i], now)
		if len(ordered[i].APIKeyFingerprint) > maxFingerprint {
			ordered[i].APIKeyFingerprint = nil // it is none
		}
	}
	slices.SortStableFunc(ordered, compareEvents)

	notes := make([]Note, 0, len(ordered))
	for _, e := range ordered {
		result, why := receive(&a, e, now)
		if result == workflows.EventApplied && changesActivation(e.Kind) {
			postChange(&a, e, now)
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
		// What could not be read in full counts when it is replayed once the cause is mended.
		if result != workflows.EventIgnored && !unclear(e) {
			a.State.Seen = a.State.Seen.With(e.DedupeKey, maxSeen)
		}
		notes = append(notes, Note{Text: "event", Result: result, Kind: e.Kind, ID: e.DeliveryID, Why: why, ReceivedAt: e.ReceivedAt})
		settle(&a.State, now)
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

func receive(a *Activation, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	s := &a.State
	// A second key is worth a person's look even under the dedupe key of the first: Artmail's key is the activationId alone.
	if s.Seen.Has(e.DedupeKey) && !bringsOtherKey(s, e) {
		return workflows.EventDuplicate, "its dedupe key was seen"
	}
	if s.Ended != nil {
		return workflows.EventLate, "the activation has ended"
	}
	switch e.Kind {
	case workflows.KindAgentActivated:
		return activate(s, e)
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

// providerTime does not depend on how the event got from the ingress to here, unless the ingress's clock is wrong by minutes: a change that it
// dated years ahead would be the newest one until then.
func providerTime(e workflows.ActivationEvent, now time.Time) time.Time {
	return rules.EventTime(e.OccurredAt, rules.EventTime(e.ReceivedAt, now))
}

// compareEvents is a total order. At the same time a response goes before what could void its approval: the answer was given.
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

// activate keeps the key of the earliest activation. It is shown once, so a repeat never replaces it; only another key with an earlier
// time does, so that two conflicting ones leave the same key in either order.
func activate(s *State, e workflows.ActivationEvent) (workflows.EventResult, string) {
	at := e.OccurredAt
	next := &Activated{At: at, SealedAPIKey: e.SealedAPIKey, Fingerprint: e.APIKeyFingerprint, User: clippedUser(e.User)}
	why := ""
	if len(e.SealedAPIKey) > maxSealedKey {
		next.SealedAPIKey, next.Fingerprint, why = nil, nil, "its API key is too long to be one"
	}
	known := s.Activated
	switch {
	case known == nil:
		s.Activated = next
		return workflows.EventApplied, why
	case len(known.SealedAPIKey) == 0 && len(next.SealedAPIKey) > 0:
		// The one that came before brought no key, so this is no repeat.
		next.At = earlier(known.At, at)
		if next.User == nil {
			next.User = known.User
		}
		s.Activated = next
		return workflows.EventApplied, why
	case !bringsOtherKey(s, e):
		known.At = earlier(known.At, at)
		return workflows.EventDuplicate, "it is known to be activated"
	}
	s.KeyConflict = true
	if keyBefore(next, known) {
		s.Activated = next
	}
	return workflows.EventApplied, "it brings another API key"
}

// bringsOtherKey compares fingerprints, since the same key sealed twice gives other bytes. Without them nothing can be told.
func bringsOtherKey(s *State, e workflows.ActivationEvent) bool {
	return e.Kind == workflows.KindAgentActivated && s.Activated != nil &&
		len(e.APIKeyFingerprint) > 0 && len(s.Activated.Fingerprint) > 0 && !bytes.Equal(e.APIKeyFingerprint, s.Activated.Fingerprint)
}

func keyBefore(a, b *Activated) bool {
	return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Fingerprint, b.Fingerprint)) < 0
}

func clippedUser(u *workflows.ActivationUser) *workflows.ActivationUser {
	if u == nil {
		return nil
	}
	return &workflows.ActivationUser{ID: workflows.Clip(u.ID, maxID), Email: workflows.Clip(u.Email, maxID)}
}

func change(s *State, c Change) (workflows.EventResult, string) {
	if !record(s, c) {
		return workflows.EventDuplicate, "it is known"
	}
	if last := s.Changes[len(s.Changes)-1]; compareChanges(last, c) != 0 {
		return workflows.EventLate, "something newer is known"
	}
	return workflows.EventApplied, ""
}

// end voids what is open and drops the key, which Artmail has revoked, and the user, who is not needed any more.
func end(a *Activation, ending Ending, why string, now time.Time) {
	s := &a.State
	s.Ended, s.Early = &ending, nil
	if s.Activated != nil {
		s.Activated = &Activated{At: s.Activated.At}
	}
	close := decision{status: workflows.ApprovalVoided, source: workflows.NewsByWebhook, reason: why}
	if ending.Stopped {
		close.status, close.source = workflows.ApprovalCancelled, workflows.NewsByApp
	}
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status == workflows.ApprovalOpen {
			decide(a, approval, close, now)
		}
	}
	for i := range s.Runs {
		if run := &s.Runs[i]; run.Status == workflows.RunOpen {
			run.Status, run.ClosedAt, run.Reason = workflows.RunVoided, now, why
			postEnd(a, run, workflows.NoticeRunVoided, now)
		}
	}
}

// Stop ends the activation here because a person cancelled the workflow: those who wait get their notices, and the key is dropped. At Artmail
// it lives on, so Status stays what it was; the inbox records further events as late.
func Stop(a Activation, now time.Time) Activation {
	if a.State.Ended != nil {
		return a
	}
	a = clone(a)
	end(&a, Ending{At: now, Reason: "cancelled", Stopped: true}, "the workflow was cancelled", now)
	settle(&a.State, now)
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
