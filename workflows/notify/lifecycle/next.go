package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Effects are the deliveries that should run now.
type Effects struct {
	// Deliver has one notice for each target. A running delivery to the same target goes first.
	Deliver []Delivery
	// WakeAt is when to call Next again without news; zero means never.
	WakeAt time.Time
	// Ended: nothing is left to do.
	Ended bool
}

// Delivery is a notice to deliver, and how long to try.
type Delivery struct {
	workflows.DeliverNotice
	Within time.Duration
	// Bytes is the approximate size of the notice as JSON.
	Bytes int
}

// maxStartBytes limits the deliveries that one workflow task starts: each has a copy of the data, and Temporal refuses requests of more
// than 4 MiB.
const maxStartBytes = 2 << 20

// Startable returns the deliveries that can start together. more reports that others must wait for the next turn.
func Startable(deliver []Delivery) (now []Delivery, more bool) {
	bytes := 0
	for i, d := range deliver {
		if bytes += d.Bytes; i > 0 && bytes > maxStartBytes {
			return deliver[:i], true
		}
	}
	return deliver, false
}

// Next returns the deliveries that should run at this time.
func Next(s State, now time.Time) Effects {
	var e Effects
	for _, i := range s.heads() {
		n := s.Notices[i]
		notice := n.Notice
		body := s.body(n.ID)
		notice.Data = body.Data
		e.Deliver = append(e.Deliver, Delivery{
			DeliverNotice: workflows.DeliverNotice{Notice: notice, To: n.To},
			Within:        max(n.Until.Sub(now), minDeliveryTime),
			Bytes:         n.Bytes + body.Bytes,
		})
	}
	if len(e.Deliver) > 0 || len(Attention(s)) > 0 {
		return e
	}
	if end := s.endAt(); now.Before(end) {
		e.WakeAt = end
	} else {
		e.Ended = true
	}
	return e
}

// endAt returns when an idle workflow ends. It stays open for a while, because a start costs more than a signal, and longer if a target wants no more
// notices.
func (s State) endAt() time.Time {
	if s.Cancelled {
		return s.IdleSince
	}
	if len(s.Gone) > 0 {
		return s.IdleSince.Add(workflows.NotifyGoneLinger)
	}
	return s.IdleSince.Add(workflows.NotifyLinger)
}

// Waits reports whether the notice still waits for its delivery.
func Waits(s State, key Key) bool {
	i := s.find(key)
	return i >= 0 && s.Notices[i].is(workflows.NoticeWaiting)
}
