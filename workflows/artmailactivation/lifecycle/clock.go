package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Tick applies the time: deadlines, stale runs, the removal of old closed items, the end of old attention, and when attention began. The loop
// calls it after all other news, so it also enforces the limits of the state.
func Tick(a Activation, now time.Time) (Activation, []Note) {
	a = clone(a)
	var notes []Note
	for i := range a.State.Approvals {
		notes = append(notes, tickApproval(&a, &a.State.Approvals[i], now)...)
	}
	for i := range a.State.Runs {
		notes = append(notes, tickRun(&a, &a.State.Runs[i], now)...)
	}
	prune(&a.State, now)
	a.State.Outbox = a.State.Outbox.Tick(now)
	if rules.Due(rules.LastsUntil(a.State.KeyConflictAt), now) {
		a.State.KeyConflictAt = time.Time{}
	}
	if rules.Due(rules.LastsUntil(a.State.UnclearAt), now) {
		a.State.UnclearAt = time.Time{}
	}
	if rules.Due(rules.LastsUntil(a.State.EarlyDroppedAt), now) {
		a.State.EarlyDroppedAt = time.Time{}
	}
	noteAttention(&a, now)
	return a, notes
}

// deadlineOf returns when an open approval is due, and whether its clock is ticking. A deadline before the registration is due at once.
func deadlineOf(s *State, approval *Approval) (time.Time, bool) {
	if approval.Status != workflows.ApprovalOpen || approval.Deadline.IsZero() {
		return time.Time{}, false
	}
	return reach(s, approval.RequestedAt, approval.Deadline)
}

// reach returns when a clock ends that started at from and was to end at until, since it stands still while the activation is paused.
// ticking is false if it stands still now. The clocks are those of a run (warnAt, forceFailAt and staleUntil in run.go) and of an approval
// (deadlineOf; reconciledUntil and reconcileSilentAt in reconcile.go).
//
// The pauses count by Artmail's times, not by the times of their arrival: the brand's user had that much less time, even if the event
// about it came late. So a pause whose event came too late to stop a clock still moves its end.
//
// The end is never after workflows.MaxTime, so that every time can be written as JSON.
func reach(s *State, from, until time.Time) (end time.Time, ticking bool) {
	if s.Status == workflows.ActivationPaused {
		return time.Time{}, false
	}
	end = until
	var pausedAt time.Time
	paused := false
	for _, c := range s.Changes {
		switch {
		case c.Paused && !paused:
			pausedAt, paused = c.At, true
		case !c.Paused && paused:
			paused = false
			if begin := later(pausedAt, from); begin.Before(end) && c.At.After(begin) {
				end = end.Add(c.At.Sub(begin))
			}
		}
	}
	return rules.Sooner(end, workflows.MaxTime), true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
