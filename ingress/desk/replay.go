package desk

import (
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/replay"
)

// Replayed is the result of a replay. Skipped counts deliveries that can't be replayed: they have no lane, or their body was purged.
type Replayed struct {
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// Replay replays one delivery. It fails with inbox.ErrNotReplayable if the delivery has no lane or no body.
func (d Desk) Replay(ctx context.Context, id string) (Replayed, error) {
	if err := d.record(ctx, actReplay, id); err != nil {
		return Replayed{}, err
	}
	if err := d.Inbox.Replay(ctx, id, d.Now()); err != nil {
		return Replayed{}, err
	}
	return Replayed{Replayed: 1}, nil
}

// ReplayAll replays the deliveries that match the filter now. A filter without states means unmatched, late and dead.
func (d Desk) ReplayAll(ctx context.Context, filter inbox.Filter) (Replayed, error) {
	if len(filter.States) == 0 {
		filter.States = []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	}
	found, err := replay.Matching(ctx, d.Inbox, filter)
	if err != nil {
		return Replayed{}, err
	}
	if err := d.record(ctx, actReplay, fmt.Sprintf("%d deliveries: %s", len(found), replay.Describe(filter))); err != nil {
		return Replayed{}, err
	}
	done, err := replay.All(ctx, d.Inbox, found, d.Now)
	if err != nil {
		return Replayed{Replayed: len(done)}, err
	}
	return Replayed{Replayed: len(done), Skipped: len(found) - len(done)}, nil
}
