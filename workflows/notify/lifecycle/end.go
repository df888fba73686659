package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Cancel applies that a person cancelled the workflow in Temporal: nothing more is delivered.
func Cancel(s State, now time.Time) State {
	s.Notices, s.Bodies = slices.Clone(s.Notices), slices.Clone(s.Bodies)
	for i, n := range s.Notices {
		if !n.done() {
			s.Notices[i] = dismiss(n, now)
			s.Notices[i].LastError = "the workflow was cancelled in Temporal"
		}
	}
	s.Cancelled, s.Forgotten, s.IdleSince = true, 0, now
	return fit(s)
}

// endAt returns when an idle workflow ends. It stays open for a while, because a start costs more than a signal, and longer if a target wants no more
// notices.
func (s State) endAt() time.Time {
	if s.Cancelled {
		return s.IdleSince
	}
	if len(s.Gone) > 0 {
		return s.IdleSince.Add(workflows.NotifyGoneLinger)
	}
	return s.IdleSince.Add(workflows.NotifyLinger)
}
