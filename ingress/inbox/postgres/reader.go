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

// inState is a condition for deliveries of one state, and inOrder the order that goes with it. Only the index of states serves both: they are
// spelt as it has them.
const (
	inState = `d.state || '' = `
	inOrder = `d.sequence + 0`
)

const selectOldest = `SELECT d.received_at FROM signalbox_delivery d WHERE ` + inState + `'pending' ORDER BY ` + inOrder + ` LIMIT 1`

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
