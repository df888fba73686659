package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Tick applies what the clock alone brings: deadlines, stale runs, and forgetting what was closed long ago. It is called after whatever
// else happened, so it also holds the bounds of what is kept.
func (s *State) Tick(now time.Time) []Note {
	var notes []Note
	for i := range s.Approvals {
		notes = append(notes, s.tickApproval(&s.Approvals[i], now)...)
	}
	for i := range s.Runs {
		notes = append(notes, s.tickRun(&s.Runs[i], now)...)
	}
	s.prune(now)
	return notes
}

// tickApproval begins the check of an approval whose deadline passed, and lets it expire once that brought nothing. The window of the
// check begins when the check does and not at the deadline, so that it is looked at least once after an outage of our own.
func (s *State) tickApproval(a *Approval, now time.Time) []Note {
	due, runs := s.due(a)
	switch {
	case !runs:
		return nil
	case due.After(now):
		// News of an older pause may have moved the deadline after its check began.
		a.CheckingSince = time.Time{}
		return nil
	case s.Start.Options.CheckApprovalQueue == "":
		return s.expire(a, "", now)
	case a.CheckingSince.IsZero():
		a.CheckingSince = now
		return []Note{{Verdict: Applied, Kind: "check", ID: a.MessageID, Why: "its deadline passed"}}
	}
	if until, _ := s.checkedUntil(a); !until.After(now) {
		return s.expire(a, "no check brought an answer", now)
	}
	return nil
}

func (s *State) expire(a *Approval, why string, now time.Time) []Note {
	s.closeApproval(a, workflows.ApprovalExpired, workflows.NewsByClock, expiredReason, now)
	return []Note{{Verdict: Applied, Kind: "expire", ID: a.MessageID, Why: why}}
}

func (s *State) tickRun(r *Run, now time.Time) []Note {
	if warn, runs := s.warnAt(r); !runs || warn.After(now) {
		return nil
	}
	r.WarnedAt = now
	s.notify(r, workflows.NoticeRunStaleWarning)
	return []Note{{Verdict: Applied, Kind: string(workflows.NoticeRunStaleWarning), ID: r.RunID}}
}

// due is when an open approval's deadline passes, and whether its clock runs. A deadline that had passed before the request was
// registered is due at once.
func (s *State) due(a *Approval) (time.Time, bool) {
	if a.Status != workflows.ApprovalOpen || a.Deadline.IsZero() {
		return time.Time{}, false
	}
	return s.reach(a.RequestedAt, a.Deadline)
}

func (s *State) checkedUntil(a *Approval) (time.Time, bool) {
	return s.reach(a.CheckingSince, a.CheckingSince.Add(s.Start.Options.CheckFor.Std()))
}

// warnAt is when an open run is to be warned about that was not yet.
func (s *State) warnAt(r *Run) (time.Time, bool) {
	if r.Status != workflows.RunOpen || !r.WarnedAt.IsZero() {
		return time.Time{}, false
	}
	o := s.Start.Options
	return s.reach(r.LastActiveAt, r.LastActiveAt.Add(o.StaleAfter.Std()-o.WarnBefore.Std()))
}

// NextWake is the nearest moment after now at which the clock changes something; false if none is in sight. What is due now is Tick's.
func (s *State) NextWake(now time.Time) (time.Time, bool) {
	var next time.Time
	found := false
	consider := func(at time.Time, runs bool) {
		if runs && at.After(now) && (!found || at.Before(next)) {
			next, found = at, true
		}
	}
	for i := range s.Approvals {
		a := &s.Approvals[i]
		at, runs := s.due(a)
		if runs && !a.CheckingSince.IsZero() {
			until, _ := s.checkedUntil(a)
			at = later(at, until)
		}
		consider(at, runs)
	}
	for i := range s.Runs {
		consider(s.warnAt(&s.Runs[i]))
	}
	for _, r := range s.Replies {
		consider(r.NotSooner, true)
	}
	return next, found
}

// Check is an approval that Artmail is to be asked about until Until, by whoever polls Queue.
type Check struct {
	Params workflows.CheckApprovalParams
	Queue  string
	Until  time.Time
	// Title is for the Web UI, and short: beyond 400 bytes of JSON the server refuses the command, and so the whole workflow task.
	Title string
}

// Checks are the checks that should be under way now. While the activation is paused there are none: whether its key works then is not
// documented, and the clock stands still.
func (s *State) Checks(now time.Time) []Check {
	var checks []Check
	for i := range s.Approvals {
		a := &s.Approvals[i]
		due, runs := s.due(a)
		if !runs || due.After(now) || a.CheckingSince.IsZero() {
			continue
		}
		until, _ := s.checkedUntil(a)
		params := workflows.CheckApprovalParams{
			Agent: s.Start.Agent, ActivationID: s.Start.ActivationID, MessageID: a.MessageID, RunID: a.RunID,
		}
		if s.Activated != nil {
			params.SealedAPIKey = s.Activated.SealedAPIKey
		}
		checks = append(checks, Check{
			Params: params, Queue: s.Start.Options.CheckApprovalQueue, Until: until, Title: "check approval " + clip(a.MessageID, maxReason),
		})
	}
	return checks
}

// Checked applies what a check found.
func (s *State) Checked(messageID string, result workflows.CheckApprovalResult, now time.Time) []Note {
	a := s.approval(messageID)
	if a == nil || a.Status != workflows.ApprovalOpen {
		return nil
	}
	s.answer(a, Response{
		MessageID: clip(result.MessageID, maxID), Approved: result.Approved, Reason: result.Reason,
	}, workflows.NewsByPoll, now)
	return []Note{{Verdict: Applied, Kind: "check", ID: messageID, Why: "it brought an answer"}}
}

// CheckEnded expires an approval whose check ended without an answer: its time was up, or its author said that it is of no use.
func (s *State) CheckEnded(messageID string, now time.Time) []Note {
	a := s.approval(messageID)
	if a == nil || a.Status != workflows.ApprovalOpen {
		return nil
	}
	return s.expire(a, "its check ended without an answer", now)
}
