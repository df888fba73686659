package rules

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// LastApplied is about the event that was accepted last, of the one before and one that is applied now. An event whose sender did not say when it
// was accepted, or says a time that is still to come, changes nothing.
func LastApplied(before *workflows.AppliedEvent, acceptedAt, now time.Time) *workflows.AppliedEvent {
	switch {
	case acceptedAt.IsZero(), acceptedAt.After(now.Add(clocksDiffer)):
		return before
	case before != nil && !acceptedAt.After(before.AcceptedAt):
		return before
	}
	return &workflows.AppliedEvent{AcceptedAt: acceptedAt, AppliedAt: now}
}

// clocksDiffer is by how much the clocks of the ingress and of Temporal may differ.
const clocksDiffer = time.Minute
