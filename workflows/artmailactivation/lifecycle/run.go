package lifecycle

import (
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Run is a run with what only the rules need.
type Run struct {
	workflows.Run
	// FailedAt is the provider's time of run_force_failed.
	FailedAt time.Time `json:"failedAt,omitzero"`
}

func (s *State) run(runID string) *Run {
	for i := range s.Runs {
		if s.Runs[i].RunID == runID {
			return &s.Runs[i]
		}
	}
	return nil
}

// knownRun finds a run or makes it known as open; nil for an empty ID.
func (s *State) knownRun(runID string, now time.Time) *Run {
	if runID == "" {
		return nil
	}
	if r := s.run(runID); r != nil {
		return r
	}
	s.Runs = append(s.Runs, Run{Run: workflows.Run{RunID: runID, Status: workflows.RunOpen, OpenedAt: now, LastActiveAt: now}})
	return &s.Runs[len(s.Runs)-1]
}

// touch moves the clock of an open run forward, never back: touches may arrive in any order.
func (r *Run) touch(at time.Time) {
	if r.Status == workflows.RunOpen && at.After(r.LastActiveAt) {
		r.LastActiveAt, r.WarnedAt = at, time.Time{}
	}
}

// CheckOpen says why a run can't be opened. Opening an open one again is no mistake, in any state of the activation.
func (s *State) CheckOpen(o workflows.OpenRun) error {
	if strings.TrimSpace(o.RunID) == "" {
		return refuse(workflows.ErrTypeInvalidArgument, "runId: it is required")
	}
	if err := firstError(fits("runId", o.RunID, maxID), validReplyTo(o.ReplyTo)); err != nil {
		return err
	}
	if r := s.run(o.RunID); r != nil {
		if r.Status != workflows.RunOpen {
			return refuse(workflows.ErrTypeRunClosed, "run %q is %s", o.RunID, r.Status)
		}
		return nil
	}
	if err := s.acceptsWork("run " + o.RunID); err != nil {
		return err
	}
	fresh := Run{Run: workflows.Run{RunID: o.RunID, Status: workflows.RunOpen, ReplyTo: o.ReplyTo}}
	return checkRoomForRun(s.openRunBytes()+fresh.weight(), o.RunID)
}

// Open makes a run known, or says that a known one goes on. The newest ReplyTo holds: whoever opens it again waits for it now.
func (s *State) Open(o workflows.OpenRun, now time.Time) (workflows.Run, error) {
	if err := s.CheckOpen(o); err != nil {
		return workflows.Run{}, err
	}
	r := s.knownRun(o.RunID, now)
	r.touch(now)
	if o.ReplyTo != nil {
		r.ReplyTo = o.ReplyTo
	}
	return r.Run, nil
}

// CheckClose says why a run can't be closed. Closing a closed one is no mistake.
func (s *State) CheckClose(c workflows.CloseRun) error {
	r := s.run(c.RunID)
	switch {
	case r == nil || c.RunID == "":
		return refuse(workflows.ErrTypeUnknownRun, "run %q is not known", clip(c.RunID, maxID))
	case r.Status != workflows.RunOpen && r.Status != workflows.RunClosed:
		return refuse(workflows.ErrTypeRunClosed, "run %q is %s", r.RunID, r.Status)
	}
	return nil
}

// Close says that the agent has ended a run. Its open approvals stay open: the brand may still answer them.
func (s *State) Close(c workflows.CloseRun, now time.Time) (workflows.Run, error) {
	if err := s.CheckClose(c); err != nil {
		return workflows.Run{}, err
	}
	r := s.run(c.RunID)
	if r.Status == workflows.RunOpen {
		r.Status, r.ClosedAt, r.Reason = workflows.RunClosed, now, clip(c.Reason, maxReason)
	}
	return r.Run, nil
}

// Touch says that runs were active. A time ahead of ours counts as now, or a wrong clock would silence the warning. Unknown runs are
// passed over: a signal has no way to refuse them, and a run that nobody opened would wait for a touch for ever.
func (s *State) Touch(t workflows.TouchRuns, now time.Time) {
	at := t.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	for _, id := range t.RunIDs {
		if r := s.run(id); r != nil {
			r.touch(at)
		}
	}
}

// forceFail voids the run's open approvals, whatever the run is for us: if the agent closed it, Artmail didn't hear of it. It is
// remembered for an unknown run too, since a request of that run may be registered later.
func (s *State) forceFail(e workflows.ActivationEvent, now time.Time) (Verdict, string) {
	if e.RunID == "" || len(e.RunID) > maxID {
		return Ignored, "its runId can't be used"
	}
	r := s.run(e.RunID)
	if r == nil {
		s.Runs = append(s.Runs, Run{Run: workflows.Run{RunID: e.RunID, Status: workflows.RunOpen}})
		r = &s.Runs[len(s.Runs)-1]
	}
	if r.Status == workflows.RunForceFailed {
		r.FailedAt = earlier(r.FailedAt, providerTime(e))
		return Duplicate, "the run is force-failed"
	}
	for i := range s.Approvals {
		if a := &s.Approvals[i]; a.RunID == r.RunID && a.Status == workflows.ApprovalOpen {
			s.closeApproval(a, workflows.ApprovalVoided, workflows.NewsByWebhook, forceFailedReason, now)
		}
	}
	if r.Status != workflows.RunOpen {
		return Late, "the run is " + string(r.Status)
	}
	r.Status, r.ClosedAt, r.FailedAt = workflows.RunForceFailed, now, providerTime(e)
	r.StaleMinutes, r.Reason = e.StaleMinutes, clip(e.Reason, maxReason)
	s.notify(r, workflows.NoticeRunForceFailed)
	return Applied, ""
}
