package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Run is a run with what only the rules need.
type Run struct {
	workflows.Run
	// FailedAt is the provider's time of run_force_failed.
	FailedAt time.Time `json:"failedAt,omitzero"`
	// WarningID and EndID are the notices that were posted about the last warning and about the end.
	WarningID string `json:"warningId,omitempty"`
	EndID     string `json:"endId,omitempty"`
}

func findRun(s *State, runID string) *Run {
	for i := range s.Runs {
		if s.Runs[i].RunID == runID {
			return &s.Runs[i]
		}
	}
	return nil
}

// knownRun finds a run or makes it known as open; nil for an empty ID.
func knownRun(s *State, runID string, now time.Time) *Run {
	if runID == "" {
		return nil
	}
	if run := findRun(s, runID); run != nil {
		return run
	}
	s.Runs = append(s.Runs, Run{Run: workflows.Run{RunID: runID, Status: workflows.RunOpen, OpenedAt: now, LastActiveAt: now}})
	return &s.Runs[len(s.Runs)-1]
}

// touch moves the clock of an open run forward, never back: touches may arrive in any order.
func touch(run *Run, at time.Time) {
	if run.Status == workflows.RunOpen && at.After(run.LastActiveAt) {
		run.LastActiveAt, run.WarnedAt = at, time.Time{}
	}
}

// CheckOpenRun says why a run can't be opened. Opening an open one again is no mistake, in any state of the activation, unless a longer ReplyTo
// finds no room.
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
			return checkRoomForRun(openRunBytes(s)+more, o.RunID)
		}
		return nil
	}
	if err := acceptsWork(s, "run "+o.RunID); err != nil {
		return err
	}
	fresh := Run{Run: workflows.Run{RunID: o.RunID, Status: workflows.RunOpen, ReplyTo: o.ReplyTo}}
	return checkRoomForRun(openRunBytes(s)+runBytes(&fresh), o.RunID)
}

// OpenRun makes a run known, or says that a known one goes on; CheckOpenRun has passed it. The newest ReplyTo holds: the caller that opens the
// run again waits for it now.
func OpenRun(a Activation, o workflows.OpenRun, now time.Time) (Activation, workflows.Run) {
	a = clone(a)
	run := knownRun(&a.State, o.RunID, now)
	touch(run, now)
	if o.ReplyTo != nil {
		run.ReplyTo = o.ReplyTo
	}
	return a, run.Run
}

// CheckCloseRun says why a run can't be closed. Closing a closed one is no mistake.
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

// CloseRun says that the agent has ended a run; CheckCloseRun has passed it. Its open approvals stay open: the brand may still answer them.
func CloseRun(a Activation, c workflows.CloseRun, now time.Time) (Activation, workflows.Run) {
	a = clone(a)
	run := findRun(&a.State, c.RunID)
	if run.Status == workflows.RunOpen {
		run.Status, run.ClosedAt, run.Reason = workflows.RunClosed, now, c.Reason
	}
	return a, run.Run
}

// TouchRuns says that runs were active. A time ahead of ours counts as now, or a wrong clock would silence the warning. Unknown runs are
// passed over: a signal has no way to refuse them, and a run that was never opened would wait for a touch for ever.
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

// forceFail voids the run's approvals that were not answered by then, even where the run is closed here: then Artmail didn't hear of it. It is
// remembered for an unknown run too, since a request of that run may be registered later.
func forceFail(a *Activation, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	if e.RunID == "" || len(e.RunID) > maxID {
		return workflows.EventIgnored, "its runId can't be used"
	}
	s := &a.State
	run := findRun(s, e.RunID)
	if run == nil {
		s.Runs = append(s.Runs, Run{Run: workflows.Run{RunID: e.RunID, Status: workflows.RunOpen}})
		run = &s.Runs[len(s.Runs)-1]
	}
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.RunID == run.RunID {
			voidByFailure(a, approval, e.OccurredAt, now)
		}
	}
	switch run.Status {
	case workflows.RunOpen:
		run.Status, run.ClosedAt, run.FailedAt = workflows.RunForceFailed, now, e.OccurredAt
		run.StaleMinutes, run.Reason = e.StaleMinutes, workflows.Clip(e.Reason, maxWord)
		postEnd(a, run, workflows.NoticeRunForceFailed, now)
		return workflows.EventApplied, ""
	case workflows.RunForceFailed:
		run.FailedAt = earlier(run.FailedAt, e.OccurredAt)
		return workflows.EventDuplicate, "the run is force-failed"
	case workflows.RunClosed, workflows.RunVoided:
	}
	return workflows.EventLate, "the run is " + string(run.Status)
}

// openRunBytes counts what can't be forgotten: open runs, and those with a notice that waits.
func openRunBytes(s *State) int {
	waiting := waitingNotices(s)
	n := 0
	for i := range s.Runs {
		if run := &s.Runs[i]; run.Status == workflows.RunOpen || waiting[run.WarningID] || waiting[run.EndID] {
			n += runBytes(run)
		}
	}
	return n
}

// checkRoomForRuns counts the runs that requests would make known.
func checkRoomForRuns(s *State, requests []workflows.ApprovalRequest) error {
	fresh := make(map[string]bool)
	bytes := openRunBytes(s)
	for _, r := range requests {
		if r.RunID == "" || fresh[r.RunID] || findRun(s, r.RunID) != nil {
			continue
		}
		fresh[r.RunID] = true
		run := Run{Run: workflows.Run{RunID: r.RunID}}
		bytes += runBytes(&run)
		if err := checkRoomForRun(bytes, r.RunID); err != nil {
			return err
		}
	}
	return nil
}

func checkRoomForRun(bytes int, runID string) error {
	if bytes > maxOpenRunBytes {
		return rules.Refuse(workflows.ErrTypeTooMany, "run %q: too many runs are open; close those that have ended", runID)
	}
	return nil
}

// withdrawEnds gives up the notices of the oldest ended runs where too many wait, which raises attention. Runs that an event alone made known
// can't be refused, and hand-offs may fail for long.
func withdrawEnds(s *State, waiting map[string]bool) {
	over := openRunBytes(s) - maxOpenRunBytes
	for i := range s.Runs {
		run := &s.Runs[i]
		if over <= 0 {
			return
		}
		if run.Status == workflows.RunOpen || !waiting[run.EndID] {
			continue
		}
		over -= runBytes(run)
		for _, id := range []string{run.WarningID, run.EndID} {
			withdraw(s, id)
			delete(waiting, id)
		}
		s.Outbox.Refused = true
	}
}

// pruneRuns forgets ended runs beyond what is kept, and open runs that were not touched for long. An agent that doesn't close its runs would
// fill the state with them; Artmail ends them after a quarter of an hour. A run that an open approval belongs to stays.
func pruneRuns(s *State, waiting map[string]bool, now time.Time) {
	awaited := make(map[string]bool)
	for i := range s.Approvals {
		if s.Approvals[i].Status == workflows.ApprovalOpen {
			awaited[s.Approvals[i].RunID] = true
		}
	}
	withdrawEnds(s, waiting)
	crowded := openRunBytes(s) > maxOpenRunBytes/2
	var ended kept
	var idle []int
	for i := range s.Runs {
		run := &s.Runs[i]
		switch {
		case waiting[run.WarningID] || waiting[run.EndID]:
		case run.Status != workflows.RunOpen:
			ended.add(i, run.ClosedAt, runBytes(run))
		case awaited[run.RunID]:
		case now.Sub(run.LastActiveAt) > keepHorizon, crowded && now.Sub(run.LastActiveAt) > crowdedHorizon:
			idle = append(idle, i)
		}
	}
	s.Runs = without(s.Runs, append(ended.beyond(maxEndedRunBytes, now), idle...))
}
