package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Run is a run, with fields that only the rules need.
type Run struct {
	workflows.Run
	// FailedAt is the provider's time of run_force_failed.
	FailedAt time.Time `json:"failedAt,omitzero"`
	// Stale: the warning notice was added. New activity clears it, and so does an hour after Artmail should have force-failed the run.
	Stale bool `json:"stale,omitempty"`
	// WarningID and EndID are the IDs of the notices about the last warning and about the end.
	WarningID string `json:"warningId,omitempty"`
	EndID     string `json:"endId,omitempty"`
}

// FailedRun is what is left of a force-failed run that was removed: the short hash of its ID, and FailedAt.
type FailedRun struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

func findFailed(s *State, runID string) int {
	key := rules.ShortKey(runID)
	return slices.IndexFunc(s.Failed, func(f FailedRun) bool { return f.Key == key })
}

func findRun(s *State, runID string) *Run {
	for i := range s.Runs {
		if s.Runs[i].RunID == runID {
			return &s.Runs[i]
		}
	}
	return nil
}

// findOrAddRun returns the run; an unknown one is added as open, or as force-failed if it was. It returns nil for an empty ID.
func findOrAddRun(s *State, runID string, now time.Time) *Run {
	if runID == "" {
		return nil
	}
	if run := findRun(s, runID); run != nil {
		return run
	}
	run := Run{Run: workflows.Run{RunID: runID, Status: workflows.RunOpen, OpenedAt: now, LastActiveAt: now}}
	if i := findFailed(s, runID); i >= 0 {
		at := s.Failed[i].At
		s.Failed = slices.Delete(s.Failed, i, i+1)
		run = Run{Run: workflows.Run{RunID: runID, Status: workflows.RunForceFailed, ClosedAt: at}, FailedAt: at}
	}
	s.Runs = append(s.Runs, run)
	return &s.Runs[len(s.Runs)-1]
}

// touch moves the last activity of an open run forward, never back, because touches may arrive in any order.
func touch(run *Run, at time.Time) {
	if run.Status == workflows.RunOpen && at.After(run.LastActiveAt) {
		run.LastActiveAt, run.WarnedAt, run.Stale = at, time.Time{}, false
	}
}

// CheckOpenRun returns why a run can't be opened, or nil. An open run may be opened again, in any status of the activation, unless there
// is no room for a longer ReplyTo.
func CheckOpenRun(a Activation, o workflows.OpenRun) error {
	s := &a.State
	if err := o.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if run := findRun(s, o.RunID); run != nil {
		if run.Status != workflows.RunOpen {
			return rules.Refuse(workflows.ErrTypeRunClosed, "run %q is %s", o.RunID, run.Status)
		}
		grown := *run
		grown.ReplyTo = o.ReplyTo
		if more := runBytes(&grown) - runBytes(run); more > 0 {
			return checkRoomForRun(openRunBytes(s)+more, fmt.Sprintf("run %q", o.RunID))
		}
		return nil
	}
	if findFailed(s, o.RunID) >= 0 {
		return rules.Refuse(workflows.ErrTypeRunClosed, "run %q is %s", o.RunID, workflows.RunForceFailed)
	}
	if err := refuseWork(s, "run "+o.RunID); err != nil {
		return err
	}
	fresh := Run{Run: workflows.Run{RunID: o.RunID, Status: workflows.RunOpen, ReplyTo: o.ReplyTo}}
	return checkRoomForRun(openRunBytes(s)+runBytes(&fresh), fmt.Sprintf("run %q", o.RunID))
}

// OpenRun adds a run, or touches a known one; CheckOpenRun has accepted it. The newest ReplyTo counts, because the caller that opens the
// run again waits for its notices now.
func OpenRun(a Activation, o workflows.OpenRun, now time.Time) (Activation, workflows.Run) {
	a = clone(a)
	run := findOrAddRun(&a.State, o.RunID, now)
	touch(run, now)
	if o.ReplyTo != nil {
		run.ReplyTo = o.ReplyTo
	}
	return a, run.Run
}

// CheckCloseRun returns why a run can't be closed, or nil. A closed run may be closed again.
func CheckCloseRun(a Activation, c workflows.CloseRun) error {
	if err := c.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	run := findRun(&a.State, c.RunID)
	switch {
	case run == nil:
		return rules.Refuse(workflows.ErrTypeUnknownRun, "run %q is not known", c.RunID)
	case run.Status != workflows.RunOpen && run.Status != workflows.RunClosed:
		return rules.Refuse(workflows.ErrTypeRunClosed, "run %q is %s", run.RunID, run.Status)
	}
	return nil
}

// CloseRun closes a run; CheckCloseRun has accepted it. Its open approvals stay open, because the brand may still answer them.
func CloseRun(a Activation, c workflows.CloseRun, now time.Time) (Activation, workflows.Run) {
	a = clone(a)
	run := findRun(&a.State, c.RunID)
	if run.Status == workflows.RunOpen {
		run.Status, run.ClosedAt, run.Reason = workflows.RunClosed, now, reasonBy(c.Reason, c.By)
	}
	return a, run.Run
}

// TouchRuns records that runs were active. A time in the future counts as now, so that a wrong clock does not suppress the warning.
// Unknown runs are ignored: a signal can't be refused.
func TouchRuns(a Activation, t workflows.TouchRuns, now time.Time) Activation {
	a = clone(a)
	at := t.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	for _, id := range t.RunIDs {
		if run := findRun(&a.State, id); run != nil {
			touch(run, at)
		}
	}
	return a
}

// forceFail applies a force-failed run and voids its approvals without an earlier response, also if the agent has closed the run: Artmail
// does not know of that. An unknown run is remembered too, because one of its requests may be registered later.
func forceFail(a *Activation, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	if e.RunID == "" || len(e.RunID) > maxID {
		return workflows.EventIgnored, "its runId is missing or too long"
	}
	s := &a.State
	run := findOrAddRun(s, e.RunID, time.Time{})
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.RunID == run.RunID {
			voidByFailure(a, approval, e.OccurredAt, now)
		}
	}
	switch run.Status {
	case workflows.RunOpen:
		run.Status, run.ClosedAt, run.FailedAt = workflows.RunForceFailed, now, e.OccurredAt
		run.StaleMinutes, run.Reason = e.StaleMinutes, workflows.Clip(e.Reason, maxWord)
		addRunEndNotice(a, run, workflows.NoticeRunForceFailed, now)
		return workflows.EventApplied, ""
	case workflows.RunForceFailed:
		run.FailedAt = rules.Sooner(run.FailedAt, e.OccurredAt)
		return workflows.EventDuplicate, "the run is already force-failed"
	case workflows.RunClosed, workflows.RunVoided:
	}
	return workflows.EventLate, "the run is " + string(run.Status)
}

func tickRun(a *Activation, run *Run, now time.Time) (notes []Note) {
	if at, ticking := warnAt(a, run); ticking && !at.After(now) {
		run.WarnedAt, run.Stale = now, true
		addRunWarningNotice(a, run, now)
		notes = []Note{{Text: "run is stale", ID: run.RunID}}
	}
	if until, ticking := staleUntil(a, run); ticking && !until.After(now) {
		run.Stale = false
	}
	return notes
}

// warnAt returns when to warn of an open run that has no warning yet: WarnBefore (3 minutes by default: workflows.DefaultWarnBefore) before Artmail
// force-fails it. The clock stands still while the activation is paused: see reach, in clock.go.
func warnAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen || !run.WarnedAt.IsZero() {
		return time.Time{}, false
	}
	o := a.Start.Options
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(o.StaleAfter.Std()-o.WarnBefore.Std()))
}

// forceFailAt returns when Artmail will force-fail an open run without new activity.
func forceFailAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()))
}

// staleFor is how long a run stays stale after Artmail should have force-failed it. Such a run has ended at Artmail: the agent did not
// close it here, or its run_force_failed is lost. Nothing is left to save then.
const staleFor = time.Hour

// staleUntil returns when a run stops needing a person, although it is still open here.
func staleUntil(a *Activation, run *Run) (time.Time, bool) {
	if !runNeedsPerson(&a.State, *run) {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()+staleFor))
}
