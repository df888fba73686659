package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Tick applies the time: the deadline, the last read for a held end, reminders, the expiry of a question, and a creation or an answer that takes too long. The loop
// calls it once in each turn, after all other news. It adds notices of new attention.
func Tick(c Case, now time.Time) Case {
	s := &c.State
	if !s.Status.Ended() {
		tickDeadline(&c, now)
		if rules.Due(s.HeldUntil, now) {
			s.ReadWanted = true // the last read for the held end
		}
		tickQuestion(&c, now)
		s.NotCreated = s.NotCreated || rules.Due(notCreatedAt(*s), now)
		tickAnswer(s, now)
	}
	s.Outbox = s.Outbox.Tick(now)
	if len(s.Outbox.Waiting) == 0 && !filesWaiting(c) {
		s.Outbox = s.Outbox.Remove(nil) // nothing is left to hand off, so the failures no longer matter
	}
	noteAttention(&c, now)
	return c
}

func tickDeadline(c *Case, now time.Time) {
	s := &c.State
	deadline := c.Start.Options.Deadline
	if !rules.Due(deadline, now) || s.Expiring {
		return
	}
	if s.GraceUntil.IsZero() {
		s.GraceUntil = rules.GraceUntil(s.BegunAt, deadline, now)
	}
	switch {
	case s.GraceUntil.After(now):
	case s.CaseID == "":
		expire(c, "", now)
	default:
		s.Expiring, s.ReadWanted = true, true
	}
}
