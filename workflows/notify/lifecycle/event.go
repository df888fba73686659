package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Receive adds notices that were handed off. A notice that came before for the same target is dropped.
func Receive(s State, notices []workflows.AddressedNotice, now time.Time) State {
	s.Notices, s.Bodies = slices.Clone(s.Notices), slices.Clone(s.Bodies)
	waiting := s.countWaiting()
	for _, n := range notices {
		came := measured(n)
		for _, to := range n.To {
			s = receive(s, waiting, came, to, now)
		}
	}
	return fit(s)
}

// receive adds one notice for one target. It writes into s.Notices, s.Bodies and waiting.
func receive(s State, waiting *waitingCounts, came arrival, to workflows.Target, now time.Time) State {
	key := Key{ID: came.notice.ID, To: to}
	if s.Seen.Has(key.text()) || s.find(key) >= 0 {
		return s
	}
	s.Seen = s.Seen.With(key.text(), maxSeen)
	n, why := came.forTarget(to)
	n.Status, n.Until = workflows.NoticeWaiting, giveUpAt(n, now)
	if why == "" {
		why = s.refusedBecause(waiting, to)
	}
	if why != "" {
		n = giveUp(n, why, now)
	}
	if _, held := waiting.bodies[n.ID]; !n.NoData && !held {
		s.Bodies = append(s.Bodies, came.body)
		waiting.bodies[n.ID] = came.body.Bytes
	}
	s.Notices = append(s.Notices, n)
	if why != "" {
		return s
	}
	last := len(s.Notices) - 1
	waiting.add(s, last)
	return s.giveUpSurplus(waiting, last, now)
}

// Delivered applies a successful delivery.
func Delivered(s State, key Key, delivery workflows.NoticeDelivery, now time.Time) State {
	return s.settle(key, now, func(n Notice) Notice {
		n = n.attempted(delivery)
		n.Status, n.SettledAt, n.LastError = workflows.NoticeDelivered, now, ""
		// A delivered notice stays listed, but is never sent again.
		return n.withoutData()
	})
}

// attempted adds the attempts of a finished delivery.
func (n Notice) attempted(delivery workflows.NoticeDelivery) Notice {
	n.Attempts += delivery.Attempts
	log := n.Log
	for _, attempt := range delivery.Log {
		attempt.Error = workflows.Clip(attempt.Error, maxAttemptError)
		log = rules.Appended(log, attempt, workflows.MaxNoticeAttempts)
	}
	n.Log = log
	return n
}

func dismiss(n Notice, now time.Time) Notice {
	n.Status, n.SettledAt = workflows.NoticeDismissed, now
	return n.withoutData()
}

// settle changes a waiting notice.
func (s State) settle(key Key, now time.Time, change func(Notice) Notice) State {
	i := s.find(key)
	if i < 0 || !s.Notices[i].is(workflows.NoticeWaiting) {
		return s
	}
	s.Notices, s.Bodies = slices.Clone(s.Notices), slices.Clone(s.Bodies)
	s.Notices[i] = change(s.Notices[i])
	s.IdleSince = now
	return fit(s)
}

func (s State) find(key Key) int {
	return slices.IndexFunc(s.Notices, func(n Notice) bool { return n.Key() == key })
}
