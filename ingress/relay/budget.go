package relay

import (
	"context"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// budget bounds the bytes of bodies that are claimed and not handled yet. A bound on the number of lanes would not be enough: each may hold a
// hundred events of 1 MiB.
type budget struct {
	limit int64
	held  atomic.Int64
	// freed has an element after bytes were freed.
	freed chan struct{}
}

func newBudget(limit int64) *budget { return &budget{limit: limit, freed: make(chan struct{}, 1)} }

// room waits until a quarter of the limit is free, and returns how many bytes a claim may take; or the context's error.
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

// reserve counts the bodies of a lane. It may exceed the limit by one delivery, since a claim takes at least one, of any size.
func (b *budget) reserve(lane inbox.Lane) { b.held.Add(bytesOf(lane)) }

// free returns the bytes of a lane whose bodies are not needed any more.
func (b *budget) free(lane inbox.Lane) {
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
