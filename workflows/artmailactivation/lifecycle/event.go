package lifecycle

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Apply folds events that are at hand together into the state. They are taken in the order of the provider's times, so that a response
// and a forced end that cross each other on the way are decided by Artmail's clock wherever both have arrived.
func (s *State) Apply(events []workflows.ActivationEvent, now time.Time) []Note {
	ordered := slices.Clone(events)
	slices.SortStableFunc(ordered, compareEvents)

	notes := make([]Note, 0, len(ordered))
	for _, e := range ordered {
		verdict, why := s.apply(e, now)
		switch verdict {
		case Applied:
			s.EventsApplied++
		case Duplicate:
			s.Duplicates++
		case Late:
			s.LateEvents++
		case Ignored, GivenUp:
		}
		if verdict != Ignored {
			s.remember(e.DedupeKey)
		}
		notes = append(notes, Note{Verdict: verdict, Kind: e.Kind, ID: e.DeliveryID, Why: why})
		s.settle(now)
	}
	return notes
}

func (s *State) apply(e workflows.ActivationEvent, now time.Time) (Verdict, string) {
	// A second key is worth a person's look even under the dedupe key of the first: Artmail's key is the activationId alone.
	if s.seen(e.DedupeKey) && !s.bringsOtherKey(e) {
		return Duplicate, "its dedupe key was seen"
	}
	if s.Ended != nil {
		return Late, "the activation has ended"
	}
	switch e.Kind {
	case workflows.KindAgentActivated:
		return s.activate(e)
	case workflows.KindAgentPaused:
		return s.change(Change{At: providerTime(e), Paused: true, Reason: clip(e.Reason, maxWord)})
	case workflows.KindAgentResumed:
		return s.change(Change{At: providerTime(e)})
	case workflows.KindAgentDeactivated:
		s.end(Ending{At: providerTime(e), Reason: clip(e.Reason, maxWord)}, "the activation was deactivated", now)
		return Applied, ""
	case workflows.KindApprovalResponse:
		return s.respond(e, now)
	case workflows.KindRunForceFailed:
		return s.forceFail(e, now)
	}
	return Ignored, "its kind is not known"
}

// providerTime is the provider's time, and the time of arrival at the ingress where the provider gave none: that at least does not
// depend on how the event got from there to here.
func providerTime(e workflows.ActivationEvent) time.Time {
	if e.OccurredAt.IsZero() {
		return e.ReceivedAt
	}
	return e.OccurredAt
}

// compareEvents is a total order. At the same time a response goes before whatever could void its approval: the answer was given.
func compareEvents(a, b workflows.ActivationEvent) int {
	return cmp.Or(
		providerTime(a).Compare(providerTime(b)),
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
// time does, so that two conflicting ones leave the same key whichever came first.
func (s *State) activate(e workflows.ActivationEvent) (Verdict, string) {
	at := providerTime(e)
	next := &Activated{At: at, SealedAPIKey: e.SealedAPIKey, Fingerprint: e.APIKeyFingerprint, User: clippedUser(e.User)}
	why := ""
	if len(e.SealedAPIKey) > maxSealedKey {
		next.SealedAPIKey, next.Fingerprint, why = nil, nil, "its API key is too long to be one"
	}
	known := s.Activated
	switch {
	case known == nil:
		s.Activated = next
		return Applied, why
	case len(known.SealedAPIKey) == 0 && len(next.SealedAPIKey) > 0:
		// The one that came before brought no key, so this is no repeat.
		next.At = earlier(known.At, at)
		if next.User == nil {
			next.User = known.User
		}
		s.Activated = next
		return Applied, why
	case !s.bringsOtherKey(e):
		known.At = earlier(known.At, at)
		return Duplicate, "it is known to be activated"
	}
	s.KeyConflict = true
	if keyBefore(next, known) {
		s.Activated = next
	}
	return Applied, "it brings another API key"
}

// bringsOtherKey compares fingerprints, since the same key sealed twice gives other bytes. Without them nothing can be told.
func (s *State) bringsOtherKey(e workflows.ActivationEvent) bool {
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
	return &workflows.ActivationUser{ID: clip(u.ID, maxID), Email: clip(u.Email, maxID)}
}

func (s *State) change(c Change) (Verdict, string) {
	if !s.record(c) {
		return Duplicate, "it is known"
	}
	if last := s.Changes[len(s.Changes)-1]; compareChanges(last, c) != 0 {
		return Late, "something newer is known"
	}
	return Applied, ""
}

// end voids what is open and drops the key, which Artmail has revoked, and who the user was, which nobody needs any more.
func (s *State) end(ending Ending, why string, now time.Time) {
	s.Ended = &ending
	s.Early = nil
	if s.Activated != nil {
		s.Activated = &Activated{At: s.Activated.At}
	}
	for i := range s.Approvals {
		if a := &s.Approvals[i]; a.Status == workflows.ApprovalOpen {
			status, source := workflows.ApprovalVoided, workflows.NewsByWebhook
			if ending.Stopped {
				status, source = workflows.ApprovalCancelled, workflows.NewsByApp
			}
			s.closeApproval(a, status, source, why, now)
		}
	}
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Status == workflows.RunOpen {
			r.Status, r.ClosedAt, r.Reason = workflows.RunVoided, now, why
			s.notify(r, workflows.NoticeRunVoided)
		}
	}
}

// Stop ends the activation here because a person cancelled the workflow: whoever waits is told, and the key is dropped. At Artmail it
// lives on, so Status stays what it was; the inbox records further events as late.
func (s *State) Stop(now time.Time) {
	if s.Ended == nil {
		s.end(Ending{At: now, Reason: "cancelled", Stopped: true}, "the workflow was cancelled", now)
		s.settle(now)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
