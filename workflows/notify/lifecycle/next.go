package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Effects are what must be under way now, or be done.
type Effects struct {
	// Deliver is, for each target, the one notice to deliver now. A delivery to the target that is under way comes first.
	Deliver []Delivery
	// WakeAt is when to ask again; zero: when something happens.
	WakeAt time.Time
	// Ended: nothing is left to do.
	Ended bool
}

// Delivery is a notice to deliver, and how long that may be tried.
type Delivery struct {
	workflows.DeliverNotice
	Within time.Duration
	// Bytes is about the size of the notice as JSON.
	Bytes int
}

// maxStartBytes bounds what one workflow task starts: each delivery has a copy of the data, and Temporal takes no request over 4 MiB.
const maxStartBytes = 2 << 20

// Startable returns those of the deliveries that can be started together. more says that others are left for the next turn.
func Startable(deliver []Delivery) (now []Delivery, more bool) {
	bytes := 0
	for i, d := range deliver {
		if bytes += d.Bytes; i > 0 && bytes > maxStartBytes {
			return deliver[:i], true
		}
	}
	return deliver, false
}

// Next says what the state wants.
func Next(s State, now time.Time) Effects {
	var e Effects
	for _, i := range s.heads() {
		n := s.Notices[i]
		notice := n.Notice
		body := s.body(n.ID)
		notice.Data = body.Data
		e.Deliver = append(e.Deliver, Delivery{
			DeliverNotice: workflows.DeliverNotice{Notice: notice, To: n.To},
			Within:        max(n.Until.Sub(now), firstTime),
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

// endAt is when a workflow that has nothing to do ends. It lingers, since each start costs more than a signal, and
// longer where it knows of a target that wants no more.
func (s State) endAt() time.Time {
	if s.Cancelled {
		return s.IdleSince
	}
	if len(s.Gone) > 0 {
		return s.IdleSince.Add(workflows.NotifyGoneLinger)
	}
	return s.IdleSince.Add(workflows.NotifyLinger)
}

// Waits says whether the notice is still to be delivered.
func Waits(s State, key Key) bool {
	i := s.find(key)
	return i >= 0 && s.Notices[i].is(workflows.NoticeWaiting)
}
