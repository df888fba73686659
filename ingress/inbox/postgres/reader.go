package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

const selectDelivery = `SELECT ` + columns + `, b.body FROM signalbox_delivery d LEFT JOIN signalbox_body b ON b.sequence = d.sequence WHERE d.id = $1`

// Get implements inbox.Store.
func (s *Store) Get(ctx context.Context, id string) (inbox.Delivery, error) {
	var body []byte
	d, err := scan(s.reads.QueryRow(ctx, selectDelivery, escape(id)), &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return inbox.Delivery{}, fmt.Errorf("postgres inbox: get %q: %w", id, inbox.ErrNotFound)
	}
	if err != nil {
		return inbox.Delivery{}, wrap("get", s.failure(ctx, err))
	}
	d.Body = body
	return d.Delivery, nil
}

const selectCounts = `SELECT sum(pending)::bigint, sum(delivered)::bigint, sum(unmatched)::bigint, sum(late)::bigint, sum(ignored)::bigint,
sum(dead)::bigint, sum(quarantined)::bigint FROM signalbox_count`

// Counts implements inbox.Store.
func (s *Store) Counts(ctx context.Context) (map[inbox.State]int64, error) {
	numbers := make([]int64, len(countedStates))
	dest := make([]any, len(numbers))
	for i := range numbers {
		dest[i] = &numbers[i]
	}
	if err := s.reads.QueryRow(ctx, selectCounts).Scan(dest...); err != nil {
		return nil, wrap("count", s.failure(ctx, err))
	}
	counts := map[inbox.State]int64{}
	for i, state := range countedStates {
		counts[state] = numbers[i]
	}
	return counts, nil
}

// inState is a condition for deliveries of one state, and byState the order that goes with it. Only the index of states serves them:
// it is over this expression, and the state as a range is part of the order, so that the primary key is no way either. The server would
// walk that from the oldest delivery on whenever it takes nearly all of them to be in the state.
const (
	inState = `d.state || '' >= %[1]s AND d.state || '' <= %[1]s`
	byState = `d.state || '' DESC, d.sequence DESC`
)

var selectOldest = `SELECT d.received_at FROM signalbox_delivery d WHERE ` + fmt.Sprintf(inState, "'pending'") + ` ORDER BY d.state || '', d.sequence LIMIT 1`

// OldestPending implements inbox.Store.
func (s *Store) OldestPending(ctx context.Context) (time.Time, bool, error) {
	var received int64
	err := s.reads.QueryRow(ctx, selectOldest).Scan(&received)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, wrap("oldest pending", s.failure(ctx, err))
	}
	return cell.Time(received), true, nil
}
