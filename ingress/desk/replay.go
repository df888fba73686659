package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Replayed counts. Skipped deliveries can't be handed out: they have no lane, or their body has been purged.
type Replayed struct {
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// Replay hands one delivery out again. It fails where the delivery can't be handed out.
func (d Desk) Replay(ctx context.Context, id string) (Replayed, error) {
	if err := d.record(ctx, actReplay, id); err != nil {
		return Replayed{}, err
	}
	if err := d.Inbox.Replay(ctx, id, d.Now()); err != nil {
		return Replayed{}, err
	}
	return Replayed{Replayed: 1}, nil
}

// replaysAtOnce lets the store commit many replays together.
const replaysAtOnce = 64

// ReplayAll replays what the filter matches now; one without states means what did not arrive: unmatched, late and dead.
func (d Desk) ReplayAll(ctx context.Context, filter inbox.Filter) (Replayed, error) {
	if len(filter.States) == 0 {
		filter.States = []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	}
	ids, err := d.matching(ctx, filter)
	if err != nil {
		return Replayed{}, err
	}
	if err := d.record(ctx, actReplay, fmt.Sprintf("%d deliveries: %s", len(ids), filterInWords(filter))); err != nil {
		return Replayed{}, err
	}
	var done, skipped atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(replaysAtOnce)
	for _, id := range ids {
		group.Go(func() error {
			err := d.Inbox.Replay(groupCtx, id, d.Now())
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, inbox.ErrNotReplayable), errors.Is(err, inbox.ErrNotFound): // purged in between
				skipped.Add(1)
			default:
				return err
			}
			return nil
		})
	}
	err = group.Wait()
	result := Replayed{Replayed: int(done.Load()), Skipped: int(skipped.Load())}
	if err != nil {
		return result, fmt.Errorf("replay (%d are done): %w", result.Replayed, err)
	}
	return result, nil
}

// matching returns the IDs that the filter matches now, the oldest first.
func (d Desk) matching(ctx context.Context, filter inbox.Filter) ([]string, error) {
	filter.Cursor, filter.Limit = "", inbox.MaxPage
	var ids []string
	for {
		page, err := d.Inbox.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Deliveries {
			ids = append(ids, one.ID)
		}
		if page.Next == "" {
			slices.Reverse(ids)
			return ids, nil
		}
		filter.Cursor = page.Next
	}
}

// filterInWords is a filter as an audit record names it.
func filterInWords(filter inbox.Filter) string {
	states := make([]string, len(filter.States))
	for i, state := range filter.States {
		states[i] = string(state)
	}
	var words []string
	for _, part := range [][2]string{
		{"state", strings.Join(states, ",")},
		{"provider", filter.Provider},
		{"agent", filter.Scope},
		{"kind", filter.Kind},
		{"lane", filter.Lane},
		{"since", stamp(filter.Since)},
		{"until", stamp(filter.Until)},
	} {
		if part[1] != "" {
			words = append(words, part[0]+"="+part[1])
		}
	}
	return strings.Join(words, " ")
}
