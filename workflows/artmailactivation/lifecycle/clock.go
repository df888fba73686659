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
	switch needed := len(Attention(a)) > 0; {
	case !needed:
		a.State.AttentionSince = time.Time{}
	case a.State.AttentionSince.IsZero():
		a.State.AttentionSince = now
	}
	return a, notes
}

func expire(a *Activation, approval *Approval, why string, now time.Time) []Note {
	decide(a, approval, decision{status: workflows.ApprovalExpired, source: workflows.NewsByClock, reason: expiredReason}, now)
	return []Note{{Text: "approval expired", ID: approval.MessageID, Why: why}}
}

func tickRun(a *Activation, run *Run, now time.Time) (notes []Note) {
	if at, ticking := warnAt(a, run); ticking && !at.After(now) {
		run.WarnedAt, run.Stale = now, true
		postWarning(a, run, now)
		notes = []Note{{Text: "run is stale", ID: run.RunID}}
	}
	if until, ticking := staleUntil(a, run); ticking && !until.After(now) {
		run.Stale = false
	}
	return notes
}

// dueAt returns when an open approval is due, and whether its clock is ticking. A deadline before the registration is due at once.
func dueAt(s *State, approval *Approval) (time.Time, bool) {
	if approval.Status != workflows.ApprovalOpen || approval.Deadline.IsZero() {
		return time.Time{}, false
	}
	return reach(s, approval.RequestedAt, approval.Deadline)
}

// warnAt returns when to warn of an open run that has no warning yet.
func warnAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen || !run.WarnedAt.IsZero() {
		return time.Time{}, false
	}
	o := a.Start.Options
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(o.StaleAfter.Std()-o.WarnBefore.Std()))
}

// failAt returns when Artmail will force-fail an open run without new activity.
func failAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()))
}

// staleFor is how long a run stays stale after Artmail should have force-failed it. Such a run has ended at Artmail: the agent did not
// close it here, or its run_force_failed is lost. Nothing is left to save then.
const staleFor = time.Hour

// staleUntil returns when a stale run stops needing a person, although it is still open here.
func staleUntil(a *Activation, run *Run) (time.Time, bool) {
	if !stale(*run) {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()+staleFor))
}

const (
	firstCheckPause   = time.Minute
	longestCheckPause = time.Hour
)

// reach returns when a clock ends that started at from and was to end at until, since it stands still while the activation is paused.
// ticking is false if it stands still now.
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
	return earlier(end, workflows.MaxTime), true
}
