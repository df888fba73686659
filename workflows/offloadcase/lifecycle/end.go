package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

func isEnd(status string) bool {
	return status == workflows.OffloadCompleted || status == workflows.OffloadFailed
}

func contradicts(a, b workflows.CaseFacts) bool {
	return a.Status != b.Status || (a.ResultStatus != "" && b.ResultStatus != "" && a.ResultStatus != b.ResultStatus)
}

// compareWithEnd applies an unconfirmed event after the end: an event that agrees fills in fields; a proven other end is a conflict.
func compareWithEnd(s *State, e workflows.CaseEvent) {
	switch {
	case !isEnd(s.Facts.Status):
	case agrees(e, s.Facts):
		confirm(s, e, s.Facts)
	case isEnd(e.Facts.Status) && !e.Unproven:
		s.Conflict = true
	}
}

// applyUnconfirmed applies the unconfirmed events once the end is known, as if they had come after it.
func applyUnconfirmed(s *State) {
	if !isEnd(s.Facts.Status) {
		return
	}
	for _, e := range s.Unconfirmed {
		compareWithEnd(s, e)
	}
	s.Unconfirmed = nil
}

// holdEnd keeps an end without fields that GET has, until a read brings them. Metadata never changes, so it is stored once only.
func holdEnd(s *State, e workflows.CaseEvent) {
	fillLasting(&s.Facts, workflows.CaseFacts{Metadata: e.Facts.Metadata})
	e.Facts.Metadata = nil
	e.EventMeta = workflows.EventMeta{OccurredAt: e.OccurredAt} // the other fields have no size limit and are no longer needed
	s.HeldEnd, s.ReadWanted = &e, true
}

// applyHeldEnd applies the end that waited for a read.
func applyHeldEnd(c *Case, now time.Time) {
	held := c.State.HeldEnd
	if held == nil {
		return
	}
	c.State.HeldEnd, c.State.ReadWanted = nil, false
	apply(c, *held)
	deriveStatus(c, workflows.NewsByWebhook, now)
}
