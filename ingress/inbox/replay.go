package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Matching returns the deliveries that the filter matches now, without bodies, the oldest first. Cursor and Limit of the filter don't count.
func Matching(ctx context.Context, store interface {
	List(ctx context.Context, filter Filter) (Page, error)
}, filter Filter,
) ([]Delivery, error) {
	filter.Cursor, filter.Limit = "", MaxPage
	var all []Delivery
	for {
		page, err := store.List(ctx, filter)
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

// replaysAtOnce lets the store commit many replays together.
const replaysAtOnce = 64

// ReplayAll hands deliveries out again and returns those that it did. The others have no lane, or their body or row was purged. Where the store fails it stops; the
// error then says how many are done.
func ReplayAll(ctx context.Context, store interface {
	Replay(ctx context.Context, id string, now time.Time) error
}, deliveries []Delivery, now func() time.Time,
) ([]Delivery, error) {
	done := make([]atomic.Bool, len(deliveries))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(replaysAtOnce)
	for i, delivery := range deliveries {
		group.Go(func() error {
			err := store.Replay(groupCtx, delivery.ID, now())
			switch {
			case errors.Is(err, ErrNotReplayable), errors.Is(err, ErrNotFound): // purged in between
			case err != nil:
				return fmt.Errorf("replay delivery %s: %w", delivery.ID, err)
			default:
				done[i].Store(true)
			}
			return nil
		})
	}
	err := group.Wait()
	var replayed []Delivery
	for i, delivery := range deliveries {
		if done[i].Load() {
			replayed = append(replayed, delivery)
		}
	}
	if err != nil {
		err = fmt.Errorf("%w (%d are done)", err, len(replayed))
	}
	return replayed, err
}

// String is the filter in words, as an audit record names it. It leaves out the page.
func (f Filter) String() string {
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
