// Package room is what a claim may still hand out, for stores: lanes, deliveries of each, and bytes.
package room

import "github.com/signalbox-dev/signalbox/ingress/inbox"

// Room gets smaller with each delivery that is taken.
type Room struct {
	lanes, perLane int
	bytes          int64
	// begun says that something was handed out: only the first delivery of all may be too large.
	begun bool
	// full says that the next delivery did not fit.
	full bool
}

// Of is the room of a valid request.
func Of(r inbox.ClaimRequest) *Room {
	return &Room{lanes: r.MaxLanes, perLane: r.MaxPerLane, bytes: r.ByteLimit()}
}

// Left says whether anything more might be handed out.
func (r *Room) Left() bool { return r.lanes > 0 && !r.full }

// Take returns how many of a lane's first deliveries, whose sizes are given in order, there is room for.
func (r *Room) Take(deliveries int, size func(int) int64) int {
	n := 0
	for ; n < min(r.perLane, deliveries); n++ {
		if r.begun && size(n) > r.bytes {
			r.full = true
			break
		}
		r.begun = true
		r.bytes -= size(n)
	}
	if n > 0 {
		r.lanes--
	}
	return n
}
