package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Effects are the deliveries that should run now.
type Effects struct {
	// Deliver has one notice for each target, the least interrupted first. A running delivery to the same target goes before.
	Deliver []Delivery
	// Wake is when to call Next again without news; zero means never.
	Wake time.Time
	// Done: nothing is left to do.
	Done bool
}

// Delivery is a notice to deliver, and how long to try.
type Delivery struct {
	workflows.DeliverNotice
	Within time.Duration
	// Bytes is the approximate size of the notice as JSON.
	Bytes int
}

const (
	// maxStartBytes limits the deliveries that one workflow task starts: each has a copy of the data, and Temporal refuses requests of more
	// than 4 MiB.
	maxStartBytes = 2 << 20
	// maxRunBytes limits the deliveries of one run together with its state; the signals of the run are not counted. At 4 MiB of history the server
	// suggests to continue as new. That drops running deliveries: they would start again, be dropped again, and never get beyond their first
	// attempts.
	maxRunBytes = 3 << 20
)

// Plan says which deliveries start now.
type Plan struct {
	Start []Delivery
	// More: others can start at the next turn.
	More bool
	// Full: others don't fit this run. NewRun: one of them fits a new run, beside the running deliveries.
	Full, NewRun bool
}

// Startable returns which of the wanted deliveries can start together. running are the deliveries that run; startedBytes is the size of all
// deliveries that this run has started. The first delivery of a run always fits.
func Startable(s State, wanted []Delivery, running []Key, startedBytes int) Plan {
	var plan Plan
	stateBytes, runningBytes, newBytes := s.bytes(), 0, 0
	for _, key := range running {
		if i := s.find(key); i >= 0 {
			runningBytes += s.deliveryBytes(s.Notices[i])
		}
	}
	for _, d := range wanted {
		switch {
		case startedBytes+newBytes > 0 && stateBytes+startedBytes+newBytes+d.Bytes > maxRunBytes:
			plan.Full = true
			plan.NewRun = plan.NewRun || runningBytes+newBytes == 0 || stateBytes+runningBytes+newBytes+d.Bytes <= maxRunBytes
		case newBytes > 0 && newBytes+d.Bytes > maxStartBytes:
			plan.More = true
			return plan
		default:
			plan.Start = append(plan.Start, d)
			newBytes += d.Bytes
		}
	}
	return plan
}

// deliveryBytes returns the approximate size of a delivery as JSON.
func (s State) deliveryBytes(n Notice) int { return n.Bytes + s.body(n.ID).Bytes }

// Interrupted records that the run ends while deliveries run. In the next run others go first, so that targets that are down don't keep
// the rest waiting.
func Interrupted(s State, running []Key) State {
	s.Notices = slices.Clone(s.Notices)
	for _, key := range running {
		if i := s.find(key); i >= 0 {
			s.Notices[i].Interruptions++
		}
	}
	return s
}

// Next returns the deliveries that should run at this time.
func Next(s State, now time.Time) Effects {
	var e Effects
	heads := s.heads()
	slices.SortStableFunc(heads, func(a, b int) int { return cmp.Compare(s.Notices[a].Interruptions, s.Notices[b].Interruptions) })
	for _, i := range heads {
		n := s.Notices[i]
		notice := n.Notice
		notice.Data = s.body(n.ID).Data
		e.Deliver = append(e.Deliver, Delivery{
			DeliverNotice: workflows.DeliverNotice{Notice: notice, To: n.To},
			Within:        max(n.Until.Sub(now), minDeliveryTime),
			Bytes:         s.deliveryBytes(n),
		})
	}
	if len(e.Deliver) > 0 || len(Attention(s)) > 0 {
		return e
	}
	if end := s.endAt(); now.Before(end) {
		e.Wake = end
	} else {
		e.Done = true
	}
	return e
}

// Waits reports whether the notice still waits for its delivery.
func Waits(s State, key Key) bool {
	i := s.find(key)
	return i >= 0 && s.Notices[i].is(workflows.NoticeWaiting)
}
