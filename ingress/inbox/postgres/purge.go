package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// purgeChunk is how many rows go in one transaction, so that nothing is kept waiting and vacuum can follow.
const purgeChunk = 1000

// Purge implements inbox.Store. It works in short transactions and stops between two of them when ctx ends; what was purged until
// then stays purged and is counted. Several processes may purge at once: none waits for a row that another is removing.
func (s *Store) Purge(ctx context.Context, request inbox.PurgeRequest) (purged inbox.Purged, err error) {
	if s.closed.Load() {
		return purged, wrap("purge", inbox.ErrClosed)
	}
	if !request.RowsBefore.IsZero() {
		purged.Rows, err = s.purgeRows(ctx, request.RowsBefore)
	}
	if err == nil && !request.BodiesBefore.IsZero() {
		purged.Bodies, err = s.purgeBodies(ctx, request.BodiesBefore)
	}
	return purged, wrap("purge", err)
}

// Trim implements inbox.Store. It reads all deliveries in the state; call it now and then, not
// for each arrival.
func (s *Store) Trim(ctx context.Context, request inbox.TrimRequest) (trimmed int, err error) {
	if request.State == inbox.StatePending || request.Keep < 0 {
		return 0, wrap("trim", fmt.Errorf("%w: state %q, keep %d", inbox.ErrInvalid, request.State, request.Keep))
	}
	excess, err := s.excess(ctx, request)
	if err != nil {
		return 0, wrap("trim", s.failure(ctx, err))
	}
	for chunk := range slices.Chunk(excess, purgeChunk) {
		n := 0
		err := s.transact(ctx, func(ctx context.Context, t *tx) (err error) {
			n, _, err = t.remove(ctx, selectSome, chunk, string(request.State))
			return err
		})
		trimmed += n
		if err != nil {
			return trimmed, wrap("trim", err)
		}
	}
	return trimmed, nil
}

const selectSender = `SELECT d.sequence FROM signalbox_delivery d WHERE ` + inState + `$1 AND d.provider = $2 AND d.scope = $3
ORDER BY d.kind = ANY($4), greatest(d.received_at, d.last_duplicate_at), d.sequence`

// excess returns what must go, the first to go first.
func (s *Store) excess(ctx context.Context, request inbox.TrimRequest) (all []int64, err error) {
	last := column(request.LastKinds, escape)
	rows, err := s.reads.Query(ctx, selectSender, string(request.State), escape(request.Provider), escape(request.Scope), last)
	if err != nil {
		return nil, err
	}
	err = each(rows, func(one pgx.Row) error {
		var sequence int64
		err := one.Scan(&sequence)
		all = append(all, sequence)
		return err
	})
	return all[:max(0, len(all)-request.Keep)], err
}

const (
	// selectOld and selectSome lock what is to be removed, and pass over what somebody else holds.
	selectOld = `SELECT d.sequence, d.state, d.received_at FROM signalbox_delivery d WHERE d.received_at >= $1 AND d.received_at < $2 AND d.state <> 'pending'
ORDER BY d.received_at LIMIT $3 FOR UPDATE SKIP LOCKED`
	selectSome = `SELECT d.sequence, d.state, d.received_at FROM signalbox_delivery d WHERE d.sequence = ANY($1) AND d.state = $2 FOR UPDATE SKIP LOCKED`
	// Bodies go after the lock of their deliveries, as everywhere.
	deleteBodies     = `DELETE FROM signalbox_body WHERE sequence = ANY($1)`
	deleteDeliveries = `DELETE FROM signalbox_delivery WHERE sequence = ANY($1)`
)

// purgeRows goes by arrival, each chunk from where the one before it ended: what was removed stays in the index until it is vacuumed.
func (s *Store) purgeRows(ctx context.Context, before time.Time) (purged int, err error) {
	from := int64(0)
	for {
		n, last := 0, from
		err := s.transact(ctx, func(ctx context.Context, t *tx) (err error) {
			n, last, err = t.remove(ctx, selectOld, from, cell.Micros(before), purgeChunk)
			return err
		})
		purged += n
		if err != nil || n < purgeChunk {
			return purged, err
		}
		from = last
	}
}

// remove deletes the deliveries that a query finds, with their bodies. It returns the latest arrival among them.
func (t *tx) remove(ctx context.Context, query string, args ...any) (n int, last int64, err error) {
	var sequences []int64
	t.queue(query, args...).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var sequence, received int64
			var state inbox.State
			err := one.Scan(&sequence, &state, &received)
			sequences, last = append(sequences, sequence), max(last, received)
			t.moved[state]--
			return err
		})
	})
	if err := t.send(ctx); err != nil {
		return 0, 0, err
	}
	if len(sequences) > 0 {
		t.queue(deleteBodies, sequences)
		t.queue(deleteDeliveries, sequences)
	}
	return len(sequences), last, nil
}

const (
	selectBodies = `SELECT b.sequence, d.received_at, d.state FROM signalbox_body b JOIN signalbox_delivery d ON d.sequence = b.sequence
WHERE b.sequence > $1 ORDER BY b.sequence LIMIT $2`
	// lockBodies comes before the state is looked at again: a replay holds the body of what it makes pending.
	lockBodies    = `SELECT b.sequence FROM signalbox_body b WHERE b.sequence = ANY($1) ORDER BY b.sequence FOR UPDATE`
	deleteExpired = `DELETE FROM signalbox_body b USING signalbox_delivery d WHERE b.sequence = ANY($1) AND d.sequence = b.sequence AND d.state NOT IN ('pending', 'quarantined')`
)

// purgeBodies walks the bodies from the oldest on. Arrival times nearly follow that order, so a chunk in which everything is too young
// ends the walk, and what must stay is stepped over.
func (s *Store) purgeBodies(ctx context.Context, before time.Time) (purged int, err error) {
	after := int64(0)
	for {
		read, old := 0, 0
		var expired []int64
		rows, err := s.reads.Query(ctx, selectBodies, after, purgeChunk)
		if err != nil {
			return purged, s.failure(ctx, err)
		}
		if err := each(rows, func(one pgx.Row) error {
			var received int64
			var state inbox.State
			if err := one.Scan(&after, &received, &state); err != nil {
				return err
			}
			read++
			if received < cell.Micros(before) {
				old++
				if state != inbox.StatePending && state != inbox.StateQuarantined {
					expired = append(expired, after)
				}
			}
			return nil
		}); err != nil {
			return purged, s.failure(ctx, err)
		}
		n, err := s.deleteBodies(ctx, expired)
		purged += n
		if err != nil || read < purgeChunk || old == 0 {
			return purged, err
		}
	}
}

func (s *Store) deleteBodies(ctx context.Context, sequences []int64) (n int, err error) {
	if len(sequences) == 0 {
		return 0, nil
	}
	err = s.transact(ctx, func(_ context.Context, t *tx) error {
		t.queue(lockBodies, sequences)
		t.queue(deleteExpired, sequences).Exec(func(tag pgconn.CommandTag) error {
			n = int(tag.RowsAffected())
			return nil
		})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
