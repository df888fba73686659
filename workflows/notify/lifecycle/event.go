package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive takes in notices that were handed off. One that came before, for the same target, is dropped.
func Receive(s State, notices []workflows.AddressedNotice, now time.Time) State {
	s.Notices = slices.Clone(s.Notices)
	for _, n := range notices {
		s = receive(s, n, now)
	}
	return fit(s)
}

// receive writes into s.Notices.
func receive(s State, came workflows.AddressedNotice, now time.Time) State {
	key := keyOf(came)
	if s.Seen.Has(key.text()) || s.find(key) >= 0 {
		return s
	}
	s.Seen = s.Seen.With(key.text(), maxSeen)
	n, why := sized(came)
	n.Status = workflows.NoticeWaiting
	n.Until = rules.EventTime(came.Time, now).Add(workflows.NoticeDeliveryTime)
	if why == "" && !s.waitsFor(n.To) && len(s.heads()) >= workflows.MaxNoticeTargets {
		why = fmt.Sprintf("notices wait for %d other targets, which is the most", workflows.MaxNoticeTargets)
	}
	if why != "" {
		n = giveUp(n, why, now)
	}
	s.Notices = append(s.Notices, n)
	last := len(s.Notices) - 1
	for s.Notices[last].is(workflows.NoticeWaiting) && s.bytes(workflows.NoticeWaiting) > workflows.MaxWaitingNoticeBytes {
		i := s.surplus(last)
		s.Notices[i] = giveUp(s.Notices[i].withoutData(), "too much waits for this target and others", now)
	}
	return s
}

// Delivered takes in that the target has a notice.
func Delivered(s State, key Key, attempts int, now time.Time) State {
	return s.settle(key, now, func(n Notice) Notice {
		n.Status, n.SettledAt, n.LastError = workflows.NoticeDelivered, now, ""
		n.Attempts += attempts
		// What was delivered is listed, not sent again.
		return n.withoutData()
	})
}

// Failed takes in that a notice could not be delivered: its time is over, or its target refused it for good.
func Failed(s State, key Key, failure rules.Failure, attempts int, now time.Time) State {
	return s.settle(key, now, func(n Notice) Notice {
		n.Attempts += attempts
		return giveUp(n, failure.Message, now)
	})
}

func giveUp(n Notice, why string, now time.Time) Notice {
	n.Status, n.SettledAt, n.LastError = workflows.NoticeGivenUp, now, workflows.Clip(why, maxErrorBytes)
	return n
}

func dismiss(n Notice, now time.Time) Notice {
	n.Status, n.SettledAt = workflows.NoticeDismissed, now
	return n.withoutData()
}

// settle changes a notice that waits.
func (s State) settle(key Key, now time.Time, change func(Notice) Notice) State {
	i := s.find(key)
	if i < 0 || !s.Notices[i].is(workflows.NoticeWaiting) {
		return s
	}
	s.Notices = slices.Clone(s.Notices)
	s.Notices[i] = change(s.Notices[i])
	s.IdleSince = now
	return fit(s)
}

func (s State) find(key Key) int {
	return slices.IndexFunc(s.Notices, func(n Notice) bool { return n.Key() == key })
}

// Cancel takes in that a person has cancelled the workflow in Temporal: nothing is delivered any more.
func Cancel(s State, now time.Time) State {
	s.Notices = slices.Clone(s.Notices)
	for i, n := range s.Notices {
		if !n.settled() {
			s.Notices[i] = dismiss(n, now)
			s.Notices[i].LastError = "the workflow was cancelled in Temporal"
		}
	}
	s.Cancelled, s.Forgotten, s.IdleSince = true, 0, now
	return fit(s)
}
