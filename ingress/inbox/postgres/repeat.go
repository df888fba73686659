package postgres

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// known is a delivery that is in the table under a row's key.
type known struct {
	sequence    int64
	id          string
	fingerprint []byte
}

// rounds bounds how often rows are tried that are in the way of something which then is not there: a purge removed it in between.
const rounds = 5

// repeat handles rows whose key, or else whose ID, is in the table: a duplicate is counted on the first, and another body under a
// known key is stored as a conflict.
func (t *tx) repeat(ctx context.Context, rows []*row) (err error) {
	seen := map[int64]int{}
	last := map[int64]int64{}
	for range rounds {
		firsts, err := t.byKey(ctx, rows)
		if err != nil {
			return err
		}
		var again []*row
		for _, r := range rows {
			first, found := firsts[index{r.lane, r.dedupe}]
			switch {
			case !found:
				again = append(again, r)
			case r.flagged || sameBody(first.fingerprint, r.Fingerprint):
				*r.receipt = inbox.Receipt{ID: first.id, Outcome: inbox.OutcomeDuplicate}
				seen[first.sequence]++
				last[first.sequence] = max(last[first.sequence], cell.Micros(r.ReceivedAt))
			default:
				// The key stays as it came; only what is unique changes, so that a repetition of any body is a duplicate of that one.
				r.dedupe = key(hash.Key(r.Provider, r.Scope, r.Lane, r.DedupeKey, "conflict", string(r.Fingerprint)))
				r.conflictOf, r.flagged = first.id, true
				again = append(again, r)
			}
		}
		if len(again) == 0 {
			t.queueDuplicates(seen, last)
			return nil
		}
		if err := t.refuseTaken(ctx, again); err != nil {
			return err
		}
		if rows, err = t.insert(ctx, again); err != nil {
			return err
		}
		if len(rows) == 0 {
			t.queueDuplicates(seen, last)
			return nil
		}
	}
	return fmt.Errorf("%d deliveries are neither new nor known", len(rows))
}

// index is a place in the unique index.
type index struct{ lane, dedupe key }

const selectByKey = `SELECT d.lane_key, d.dedupe_hash, d.sequence, d.id, d.fingerprint FROM unnest($1::uuid[], $2::uuid[]) AS k(lane_key, dedupe_hash)
JOIN signalbox_delivery d ON d.lane_key = k.lane_key AND d.dedupe_hash = k.dedupe_hash`

func (t *tx) byKey(ctx context.Context, rows []*row) (map[index]known, error) {
	found := make(map[index]known, len(rows))
	t.queue(selectByKey, column(rows, func(r *row) key { return r.lane }), column(rows, func(r *row) key { return r.dedupe })).
		Query(func(all pgx.Rows) error {
			return each(all, func(one pgx.Row) error {
				var at index
				var k known
				err := one.Scan(&at.lane, &at.dedupe, &k.sequence, &k.id, &k.fingerprint)
				k.id = unescape(k.id)
				found[at] = k
				return err
			})
		})
	return found, t.send(ctx)
}

const selectTaken = `SELECT d.id, d.lane_key, d.dedupe_hash FROM signalbox_delivery d WHERE d.id = ANY($1)`

// refuseTaken refuses IDs that belong to another delivery.
func (t *tx) refuseTaken(ctx context.Context, rows []*row) error {
	var taken string
	t.queue(selectTaken, column(rows, func(r *row) string { return escape(r.ID) })).Query(func(all pgx.Rows) error {
		return each(all, func(one pgx.Row) error {
			var at index
			return one.Scan(&taken, &at.lane, &at.dedupe)
		})
	})
	if err := t.send(ctx); err != nil {
		return err
	}
	if taken != "" {
		return fmt.Errorf("%w: %s", inbox.ErrIDTaken, unescape(taken))
	}
	return nil
}

const (
	// lockDeliveries comes before every change of several rows: all take them in one order.
	lockDeliveries  = `SELECT d.sequence, d.state FROM signalbox_delivery d WHERE d.sequence = ANY($1) ORDER BY d.sequence FOR NO KEY UPDATE`
	countDuplicates = `UPDATE signalbox_delivery AS d SET duplicates = d.duplicates + r.n, last_duplicate_at = greatest(d.last_duplicate_at, r.last)
FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS r(sequence, n, last) WHERE d.sequence = r.sequence`
)

func (t *tx) queueDuplicates(seen map[int64]int, last map[int64]int64) {
	if len(seen) == 0 {
		return
	}
	sequences := slices.Sorted(maps.Keys(seen))
	t.queue(lockDeliveries, sequences)
	t.queue(countDuplicates, sequences, column(sequences, func(s int64) int { return seen[s] }), column(sequences, func(s int64) int64 { return last[s] }))
}

// sameBody treats an unknown body as the same: a key alone says duplicate.
func sameBody(a, b []byte) bool {
	return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b)
}
