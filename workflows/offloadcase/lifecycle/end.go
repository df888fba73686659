package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckCancel returns why the case can't be cancelled now, or nil.
func CheckCancel(c Case, cancel workflows.CancelCase) error {
	if err := cancel.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if c.State.Status.Ended() {
		return refuseEnded(c.State)
	}
	return nil
}

// Cancel ends the case in Signalbox. Offload has no cancel, so the case goes on there.
func Cancel(c Case, cancel workflows.CancelCase, now time.Time) Case {
	s := &c.State
	applyHeldEnd(&c, now)
	applyUntimedEnd(&c, now)
	if s.Status.Ended() {
		return c
	}
	reason := "cancelled" + by(cancel.By)
	if cancel.Reason != "" {
		reason += ": " + cancel.Reason
	}
	s.Reason = workflows.Clip(reason, maxReasonBytes)
	enter(&c, workflows.CaseCancelled, workflows.NewsByApp, now)
	withdrawQuestion(s)
	return c
}

func expire(c *Case, detail string, now time.Time) {
	applyUntimedEnd(c, now)
	if c.State.Status.Ended() {
		return
	}
	c.State.Reason = workflows.Clip("the deadline "+rules.Stamp(c.Start.Options.Deadline)+" passed"+detail, maxReasonBytes)
	enter(c, workflows.CaseExpired, workflows.NewsByClock, now)
	withdrawQuestion(&c.State)
}

// isEnd reports whether a status of Offload is an end.
func isEnd(status string) bool {
	return status == workflows.OffloadCompleted || status == workflows.OffloadFailed
}

// contradicts reports whether two ends can't both be true.
func contradicts(a, b workflows.CaseFacts) bool {
	return a.Status != b.Status || (a.ResultStatus != "" && b.ResultStatus != "" && a.ResultStatus != b.ResultStatus)
}

// raiseConflict raises attention. The first end that was applied stays: a later one that contradicts it changes nothing else.
func raiseConflict(s *State) { s.Conflict = true }

func refuseEnded(s State) error {
	return rules.Refuse(workflows.ErrTypeCaseEnded, "the case ended as %s at %s", s.Status, rules.Stamp(s.Since))
}
