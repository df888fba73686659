package inboxadmin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// storeBudget is how long the storing of one delivery may take. A store that can't write retries until then.
const storeBudget = 10 * time.Second

// Replayed is the result of a replay. Skipped counts deliveries that can't be replayed: they have no lane, can't be read, or their body was purged.
type Replayed struct {
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// Replay replays one delivery. It reads a dead one without a lane again, also after its dismissal: if this version can read it, it stores it anew
// in its lane. It fails with inbox.ErrNotReplayable if the delivery has no lane or no body.
func (a Admin) Replay(ctx context.Context, id string) (Replayed, error) {
	if err := a.record(ctx, actReplay, id); err != nil {
		return Replayed{}, err
	}
	err := a.Inbox.Replay(ctx, id, a.Now())
	if errors.Is(err, inbox.ErrNotReplayable) {
		if read, readErr := a.readAgain(ctx, id); read || readErr != nil { // the reason why it can't be read is the better one
			err = readErr
		}
	}
	if err != nil {
		return Replayed{}, err
	}
	return Replayed{Replayed: 1}, nil
}

// ReplayAll replays the deliveries that match the filter now. A filter without states means unmatched, late and dead.
func (a Admin) ReplayAll(ctx context.Context, filter inbox.Filter) (Replayed, error) {
	if len(filter.States) == 0 {
		filter.States = []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	}
	found, err := a.Matching(ctx, filter)
	if err != nil {
		return Replayed{}, err
	}
	done, err := a.ReplayMany(ctx, filter, found)
	if err != nil {
		return Replayed{Replayed: len(done)}, err
	}
	result := Replayed{Replayed: len(done)}
	for _, one := range found {
		if one.Lane != "" {
			continue
		}
		read, err := a.readAgain(ctx, one.ID)
		if err != nil && !errors.Is(err, inbox.ErrNotReplayable) {
			return result, fmt.Errorf("replay delivery %s: %w (%d were replayed)", one.ID, err, result.Replayed)
		}
		if read {
			result.Replayed++
		}
	}
	result.Skipped = len(found) - result.Replayed
	return result, nil
}

// readAgain replays a delivery of Artmail that is dead, or was dismissed as such, and has no lane, because its activation could not be read. The
// lane is part of what seals a body, so it stores a new delivery with the old arrival time, then closes the old one, whose reason names the new
// ID. It returns false if the delivery is another one, and inbox.ErrNotReplayable with the reason if it can't be read.
func (a Admin) readAgain(ctx context.Context, id string) (bool, error) {
	old, plain, err := a.open(ctx, id)
	if errors.Is(err, inbox.ErrNotFound) { // purged meanwhile
		return false, nil
	}
	if err != nil {
		return false, err
	}
	dead := old.State == inbox.StateDead || DismissedFrom(old.Delivery) == inbox.StateDead
	if !dead || old.Provider != artmail.Name || old.Lane != "" {
		return false, nil
	}
	if old.Withheld != "" {
		return false, fmt.Errorf("%w: %s", inbox.ErrNotReplayable, old.Withheld)
	}
	fresh, err := ingress.ReadAgain(a.Keys, old.Delivery, plain)
	if err != nil {
		return false, err
	}
	if fresh.Lane == "" || fresh.State == inbox.StateDead {
		return false, fmt.Errorf("%w: this version can't read it: %s", inbox.ErrNotReplayable, fresh.Reason)
	}
	within, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	receipts, err := a.Inbox.Append(within, []inbox.Delivery{fresh})
	if err != nil {
		return false, err
	}
	return true, a.Inbox.Settle(ctx, inbox.SettleRequest{
		Now: a.Now(), Settlements: []inbox.Settlement{inbox.Finish(id, inbox.StateIgnored, "replayed as "+receipts[0].ID)},
	})
}

// Matching returns the deliveries that match the filter now, without bodies, the oldest first. It ignores the filter's Cursor and Limit.
func (a Admin) Matching(ctx context.Context, filter inbox.Filter) ([]inbox.Delivery, error) {
	filter.Cursor, filter.Limit = "", inbox.MaxPage
	var all []inbox.Delivery
	for {
		page, err := a.Inbox.List(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		all = append(all, page.Deliveries...)
		if filter.Cursor = page.Next; page.Next == "" {
			slices.Reverse(all)
			return all, nil
		}
	}
}

// lanesAtOnce lets the store commit many replays together.
const lanesAtOnce = 64

// ReplayMany records a replay of the deliveries that Matching found with the filter, replays them, and returns those that it replayed, those of each
// lane in their order. It skips deliveries without a lane, and those whose body or row was purged. If a lane is locked, it leaves out the rest of that
// lane and goes on with the others; it stops when the store fails in another way. Both errors say how many were replayed.
func (a Admin) ReplayMany(ctx context.Context, filter inbox.Filter, deliveries []inbox.Delivery) ([]inbox.Delivery, error) {
	if err := a.record(ctx, actReplay, fmt.Sprintf("%d deliveries: %s", len(deliveries), describe(filter))); err != nil {
		return nil, err
	}
	lanes := map[string][]int{}
	for i, delivery := range deliveries {
		if delivery.Lane != "" {
			lanes[delivery.Lane] = append(lanes[delivery.Lane], i)
		}
	}
	done := make([]atomic.Bool, len(deliveries))
	locked := make([]error, len(deliveries)) // each lane sets its own
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(lanesAtOnce)
	for _, lane := range lanes {
		group.Go(func() error {
			for _, i := range lane {
				err := a.Inbox.Replay(groupCtx, deliveries[i].ID, a.Now())
				switch {
				case errors.Is(err, inbox.ErrNotReplayable), errors.Is(err, inbox.ErrNotFound): // purged meanwhile
				case errors.Is(err, inbox.ErrLocked): // that concerns one lane, and others can be replayed
					locked[i] = fmt.Errorf("replay delivery %s: %w", deliveries[i].ID, err)
					return nil
				case err != nil:
					return fmt.Errorf("replay delivery %s: %w", deliveries[i].ID, err)
				default:
					done[i].Store(true)
				}
			}
			return nil
		})
	}
	err := errors.Join(append(locked, group.Wait())...)
	var replayed []inbox.Delivery
	for i, delivery := range deliveries {
		if done[i].Load() {
			replayed = append(replayed, delivery)
		}
	}
	if err != nil {
		err = fmt.Errorf("%w (%d were replayed)", err, len(replayed))
	}
	return replayed, err
}

// describe returns the filter in words for an audit record, without Cursor and Limit.
func describe(f inbox.Filter) string {
	states := make([]string, len(f.States))
	for i, state := range f.States {
		states[i] = string(state)
	}
	var words []string
	for _, part := range [][2]string{
		{"state", strings.Join(states, ",")},
		{"provider", f.Provider},
		{"agent", f.Scope},
		{"kind", f.Kind},
		{"lane", f.Lane},
		{"since", stamp(f.Since)},
		{"until", stamp(f.Until)},
	} {
		if part[1] != "" {
			words = append(words, part[0]+"="+part[1])
		}
	}
	return strings.Join(words, " ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
