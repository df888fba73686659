package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// deriveStatus updates Status from Artmail's events.
func deriveStatus(s *State, now time.Time) {
	if status, _, _ := statusOf(s); status != s.Status {
		s.Status, s.Since = status, now
	}
}

// statusOf derives the status from Artmail's events, so that it does not depend on the order of arrival.
//
// agent.activated comes first and once, so every pause and resume is after it, even with an earlier time. A resume proves that the
// activation is active, and a pause that it is paused, even before agent.activated arrives.
func statusOf(s *State) (status workflows.ActivationStatus, at time.Time, reason string) {
	if s.Ended != nil && !s.Ended.Cancelled {
		return workflows.ActivationDeactivated, s.Ended.At, s.Ended.Reason
	}
	for _, c := range slices.Backward(s.Changes) {
		if c.Paused {
			reason = c.Reason
			break
		}
	}
	switch n := len(s.Changes); {
	case n > 0 && s.Changes[n-1].Paused:
		return workflows.ActivationPaused, s.Changes[n-1].At, reason
	case n > 0:
		return workflows.ActivationActive, s.Changes[n-1].At, reason
	case s.Activated != nil:
		return workflows.ActivationActive, s.Activated.At, ""
	}
	return workflows.ActivationUnknown, time.Time{}, ""
}

// Change is a pause or a resume at the provider's time.
type Change struct {
	At     time.Time `json:"at"`
	Paused bool      `json:"paused,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// compareChanges orders changes; the last one decides. At the same time a pause comes after a resume: work that was refused by mistake
// can be repeated, but work for a brand that has paused the agent can't be undone.
func compareChanges(a, b Change) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	if a.Paused != b.Paused {
		if a.Paused {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.Reason, b.Reason)
}

// record inserts a change by the provider's time, and returns false if it is already known. Above maxChanges the oldest go; an approval
// older than all of them then counts a little less paused time.
func record(s *State, c Change) bool {
	at, found := slices.BinarySearchFunc(s.Changes, c, compareChanges)
	if found {
		return false
	}
	s.Changes = slices.Insert(s.Changes, at, c)
	s.Changes = slices.Delete(s.Changes, 0, max(0, len(s.Changes)-maxChanges))
	return true
}

// refuseWork refuses new approvals and runs while the activation is paused and after its end.
func refuseWork(s *State, what string) error {
	switch {
	case s.Ended != nil:
		return refuseEnded(what)
	case s.Status == workflows.ActivationPaused:
		return rules.RefuseUntilNews(workflows.ErrTypeActivationPaused, "%s: the activation is paused: try again when it is resumed", what)
	}
	return nil
}
