package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

const (
	// purgeChunk is how many rows go in one transaction, so that deliveries are not kept waiting.
	purgeChunk  = 500
	vacuumChunk = 500
)

// Purge implements inbox.Store. It works in short transactions and stops between two of them
// when ctx ends; what was purged until then stays purged and is counted. A row whose place is later
// than its arrival, such as one let out of the quarantine, is kept until its place is old enough.
func (s *Store) Purge(ctx context.Context, request inbox.PurgeRequest) (purged inbox.Purged, err error) {
	purged.Rows, err = s.purgeRows(ctx, request.RowsBefore)
	if err == nil {
		purged.Bodies, err = s.purgeBodies(ctx, request.BodiesBefore)
	}
	if err == nil {
		err = s.vacuum(ctx)
	}
	if err != nil {
		return purged, fmt.Errorf("sqlite inbox: purge: %w", err)
	}
	return purged, nil
}

// Trim implements inbox.Store. It reads all that the sender has in the state; call it now and then,
// not for each arrival.
func (s *Store) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	if request.State == inbox.StatePending || request.Keep < 0 {
		return 0, fmt.Errorf("sqlite inbox: trim: %w: state %q, keep %d", inbox.ErrInvalid, request.State, request.Keep)
	}
	excess, err := s.reads.excess(ctx, request)
	if err != nil {
		return 0, fmt.Errorf("sqlite inbox: trim: %w", err)
	}
	trimmed := 0
	for chunk := range slices.Chunk(excess, purgeChunk) {
		n, err := s.removed(ctx, func(t *tx) (int, error) {
			n := 0
			for _, sequence := range chunk {
				removed, err := t.remove(request.State, "sequence = ?", sequence)
				if err != nil {
					return 0, err
				}
				n += removed
			}
			return n, nil
		})
		trimmed += n
		if err != nil {
			return trimmed, fmt.Errorf("sqlite inbox: trim: %w", err)
		}
	}
	return trimmed, nil
}

const selectOfSender = `SELECT sequence, kind FROM delivery INDEXED BY delivery_group
WHERE state = ? AND provider = ? AND scope = ? ORDER BY max(received_at, last_duplicate_at), sequence`

// excess returns what must go, in any order.
func (r *reader) excess(ctx context.Context, request inbox.TrimRequest) ([]int64, error) {
	rows, err := r.db.QueryContext(ctx, selectOfSender,
		string(request.State), request.Provider, request.Scope)
	if err != nil {
		return nil, r.failure(ctx, err)
	}
	var last []int64
	others, err := collect(rows, func() (sequence int64, err error) {
		var kind string
		err = rows.Scan(&sequence, &kind)
		if slices.Contains(request.LastKinds, kind) {
			last = append(last, sequence)
		}
		return sequence, err
	})
	if err != nil {
		return nil, r.failure(ctx, err)
	}
	total := len(others)
	others = slices.DeleteFunc(others, func(sequence int64) bool { return slices.Contains(last, sequence) })
	return append(others, last...)[:max(0, total-request.Keep)], nil
}

// selectExpired goes by the sequence, which is never below the arrival: the oldest of a state are
// the first of its index, and what is too young is not read.
const selectExpired = `SELECT sequence FROM delivery INDEXED BY delivery_state WHERE state = ? AND sequence < ? ORDER BY sequence LIMIT ?`

func (s *Store) purgeRows(ctx context.Context, before time.Time) (int, error) {
	purged := 0
	for _, state := range inbox.States() {
		if state == inbox.StatePending {
			continue
		}
		for {
			n, err := s.removed(ctx, func(t *tx) (int, error) {
				return t.remove(state, "sequence IN ("+selectExpired+")",
					string(state), cell.Micros(before), purgeChunk)
			})
			purged += n
			if err != nil {
				return purged, err
			}
			if n < purgeChunk {
				break
			}
		}
	}
	return purged, nil
}

// purgeBodies walks the bodies from the oldest on. Arrival times nearly follow that order, so a
// chunk in which everything is too young ends the walk, and what must stay is stepped over.
func (s *Store) purgeBodies(ctx context.Context, before time.Time) (int, error) {
	purged := 0
	var after int64
	for more := true; more; {
		// Not after itself: a batch that is undone applies its work again.
		from := after
		n, err := s.removed(ctx, func(t *tx) (n int, err error) {
			n, after, more, err = t.removeBodies(from, before)
			return n, err
		})
		purged += n
		if err != nil {
			return purged, err
		}
	}
	return purged, nil
}

func (s *Store) removed(ctx context.Context, remove func(*tx) (int, error)) (int, error) {
	var n int
	err := s.queue.Do(ctx, &job{work: func(t *tx) (err error) {
		n, err = remove(t)
		return err
	}}, 0)
	// Where ctx ended first, the writer may still be setting n.
	if err != nil {
		return 0, err
	}
	return n, nil
}

// remove deletes deliveries of one state with their bodies and keys.
func (t *tx) remove(state inbox.State, where string, args ...any) (int, error) {
	if _, err := t.exec("DELETE FROM body WHERE "+where, args...); err != nil {
		return 0, err
	}
	if _, err := t.exec("DELETE FROM delivery_key WHERE (lane_hash, key_hash) IN (SELECT lane_hash, key_hash FROM delivery WHERE "+where+")", args...); err != nil {
		return 0, err
	}
	stmt, err := t.prepare("DELETE FROM delivery WHERE " + where + " RETURNING lane_hash, key_hash, sequence")
	if err != nil {
		return 0, err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return 0, err
	}
	removed, err := collect(rows, func() (place, error) { return scanPlace(rows) })
	t.removed = append(t.removed, removed...)
	t.counts[state] -= int64(len(removed))
	return len(removed), err
}

func (t *tx) removeBodies(after int64, before time.Time) (n int, last int64, more bool, err error) {
	stmt, err := t.prepare(`SELECT body.sequence, received_at, state FROM body JOIN delivery USING (sequence)
WHERE body.sequence > ? ORDER BY body.sequence LIMIT ?`)
	if err != nil {
		return 0, after, false, err
	}
	rows, err := stmt.Query(after, purgeChunk)
	if err != nil {
		return 0, after, false, err
	}
	read, old := 0, 0
	expired, err := collect(rows, func() (sequence int64, err error) {
		var received int64
		var state inbox.State
		err = rows.Scan(&last, &received, &state)
		read++
		if received >= cell.Micros(before) {
			return 0, err
		}
		old++
		if state == inbox.StatePending || state == inbox.StateQuarantined {
			return 0, err
		}
		return last, err
	})
	if err != nil {
		return 0, after, false, err
	}
	for _, sequence := range expired {
		if sequence == 0 {
			continue
		}
		if _, err := t.exec("DELETE FROM body WHERE sequence = ?", sequence); err != nil {
			return 0, after, false, err
		}
		n++
	}
	return n, last, read == purgeChunk && old > 0, nil
}

// vacuum gives pages back to the file system once more than a quarter of the file is free: less
// than that is soon used again.
func (s *Store) vacuum(ctx context.Context) error {
	for more := true; more; {
		err := s.queue.Do(ctx, &job{work: func(t *tx) error {
			var pages, free int64
			if _, err := t.queryRow("PRAGMA page_count", nil, &pages); err != nil {
				return err
			}
			if _, err := t.queryRow("PRAGMA freelist_count", nil, &free); err != nil {
				return err
			}
			if more = free > pages/4; !more {
				return nil
			}
			_, err := t.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumChunk))
			return err
		}}, 0)
		if err != nil {
			return err
		}
	}
	return nil
}
