package relay

import (
	"context"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// budget bounds the bodies that are claimed and not dealt with yet. The number of lanes bounds it too little: a hundred events of a
// mebibyte may wait in each.
type budget struct {
	limit int64
	held  atomic.Int64
	// freed has a token once something was given back.
	freed chan struct{}
}

func newBudget(limit int64) *budget { return &budget{limit: limit, freed: make(chan struct{}, 1)} }

// room waits until a claim is worth it, a quarter of all, and returns how many bytes it may hand out; or the context's error.
func (b *budget) room(ctx context.Context) (int64, error) {
	for {
		if room := b.limit - b.held.Load(); room >= max(b.limit/4, 1) {
			return room, ctx.Err()
		}
		select {
		case <-b.freed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take notes what was claimed. It may be more than there was room for, by the one delivery that a claim hands out in any case.
func (b *budget) take(lanes []inbox.Lane) {
	for _, lane := range lanes {
		b.held.Add(bytesOf(lane))
	}
}

// give is told when nothing refers to a lane's bodies any more.
func (b *budget) give(lane inbox.Lane) {
	b.held.Add(-bytesOf(lane))
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

func bytesOf(lane inbox.Lane) (sum int64) {
	for _, d := range lane.Deliveries {
		sum += int64(len(d.Body))
	}
	return sum
}
