package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

const (
	// purgeChunk is how many rows go in one transaction, so that deliveries are not kept waiting.
	purgeChunk = 500
	// vacuumChunk is in pages.
	vacuumChunk = 500
)

// do has the writer do some work; what the work finds wrong with the request is in the job's refusal.
func (s *Store) do(ctx context.Context, operation string, j *job) error {
	if err := s.queue.Do(ctx, j, j.size); err != nil {
		return fmt.Errorf("sqlite inbox: %s: %w", operation, err)
	}
	return nil
}

// Replay implements inbox.Store.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	j := &job{}
	j.work = func(t *tx) (err error) {
		j.refusal, err = t.replay(id, now)
		return err
	}
	j.committed = func() {
		if j.refusal == nil {
			s.signalWake()
		}
	}
	return s.do(ctx, "replay", j)
}

func (t *tx) replay(id string, now time.Time) (refusal, err error) {
	var sequence, laneKey int64
	var lane string
	var size sql.NullInt64
	found, err := t.queryRow("SELECT sequence, lane_key, lane, length(body) FROM delivery LEFT JOIN body USING (sequence) WHERE id = ?",
		[]any{id}, &sequence, &laneKey, &lane, &size)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return inbox.ErrNotFound, nil
	case lane == "":
		return fmt.Errorf("%w: it has no lane", inbox.ErrNotReplayable), nil
	case !size.Valid:
		return fmt.Errorf("%w: its body is past its retention", inbox.ErrNotReplayable), nil
	}
	if _, err := t.exec("UPDATE delivery SET state = 'pending', reason = '', attempts = 0, unmatched_since = 0, settled_at = 0 WHERE sequence = ?",
		sequence); err != nil {
		return nil, err
	}
	_, err = t.exec("INSERT INTO lane (lane_key, due_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at) WHERE owner = ''",
		laneKey, table.Micros(now))
	return nil, err
}

// An arrival's place is its ID's. What arrived while a clock was ahead is above the last such place, and goes by received_at, which the
// purge sets once.
const (
	correctAhead = `UPDATE delivery SET received_at = ?1 WHERE id >= ?2 AND received_at > ?1`
	expired      = `((d.id < ?1 AND d.id < ?2) OR (d.id >= ?2 AND d.received_at < ?3))`
	selectOld    = `SELECT sequence FROM delivery AS d WHERE ` + expired + ` AND d.state <> 'pending' LIMIT ?4`
	// Bodies stand in the order of appending, which is nearly that of arrival: those at the front are read, up to the first that is young.
	selectOldBodies = `SELECT b.sequence FROM body AS b JOIN delivery AS d USING (sequence)
WHERE b.sequence < coalesce((SELECT sequence FROM delivery WHERE id >= ?1 ORDER BY id LIMIT 1), ?5) AND d.id < ?1 AND d.id < ?2
AND d.state NOT IN ('pending', 'quarantined') ORDER BY b.sequence LIMIT ?4`
	selectOldBodiesAhead = `SELECT sequence FROM delivery AS d JOIN body USING (sequence)
WHERE d.id >= ?2 AND d.received_at < ?3 AND d.state NOT IN ('pending', 'quarantined') LIMIT ?4`
)

// Purge implements inbox.Store.
func (s *Store) Purge(ctx context.Context, request inbox.PurgeRequest) (purged inbox.Purged, err error) {
	// Without the time nothing is ahead of it.
	ahead := inbox.FirstID(time.UnixMilli(math.MaxInt64 / 1000))
	if !request.Now.IsZero() {
		ahead = inbox.FirstID(request.Now.Add(inbox.Ahead))
		err = s.do(ctx, "purge", &job{work: func(t *tx) error {
			_, err := t.exec(correctAhead, table.Micros(request.Now), ahead)
			return err
		}})
	}
	if err == nil && !request.RowsBefore.IsZero() {
		purged.Rows, err = s.purge(ctx, request.RowsBefore, ahead, selectOld, (*tx).removeRows)
	}
	for _, query := range []string{selectOldBodies, selectOldBodiesAhead} {
		if err == nil && !request.BodiesBefore.IsZero() {
			var n int
			n, err = s.purge(ctx, request.BodiesBefore, ahead, query, (*tx).removeBodies)
			purged.Bodies += n
		}
	}
	if err == nil {
		err = s.vacuum(ctx)
	}
	return purged, err
}

// purge removes what a query finds, a chunk at a time.
func (s *Store) purge(ctx context.Context, before time.Time, ahead, query string, remove func(*tx, []int64) error) (purged int, err error) {
	for more := true; more; {
		n := 0
		err := s.do(ctx, "purge", &job{work: func(t *tx) error {
			args := []any{inbox.FirstID(before), ahead, table.Micros(before), purgeChunk}
			if query == selectOldBodies {
				args = append(args, int64(math.MaxInt64))
			}
			var found []int64
			err := t.each(query, func(rows *sql.Rows) error {
				var sequence int64
				err := rows.Scan(&sequence)
				found = append(found, sequence)
				return err
			}, args...)
			if err != nil {
				return err
			}
			n = len(found)
			return remove(t, found)
		}})
		// Where ctx ended first, the writer may still be setting n.
		if err != nil {
			return purged, err
		}
		purged += n
		more = n == purgeChunk
	}
	return purged, nil
}

var (
	deleteRows   = lists("DELETE FROM delivery WHERE sequence IN ", "")
	deleteBodies = lists("DELETE FROM body WHERE sequence IN ", "")
)

func (t *tx) removeRows(sequences []int64) error {
	if err := t.removeBodies(sequences); err != nil {
		return err
	}
	_, err := execAll(t, deleteRows, sequences)
	return err
}

func (t *tx) removeBodies(sequences []int64) error {
	_, err := execAll(t, deleteBodies, sequences)
	return err
}

// vacuum gives pages back to the file system once more than a quarter of the file is free: less than that is soon used again. It ends
// where nothing is given back, as in a file that was restored from a dump and has no auto_vacuum.
func (s *Store) vacuum(ctx context.Context) error {
	for more := true; more; {
		err := s.do(ctx, "vacuum", &job{work: func(t *tx) error {
			var pages, free, left int64
			if _, err := t.queryRow("PRAGMA page_count", nil, &pages); err != nil {
				return err
			}
			if _, err := t.queryRow("PRAGMA freelist_count", nil, &free); err != nil {
				return err
			}
			if more = free > pages/4; !more {
				return nil
			}
			if _, err := t.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumChunk)); err != nil {
				return err
			}
			_, err := t.queryRow("PRAGMA freelist_count", nil, &left)
			more = left < free
			return err
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Trim implements inbox.Store. It reads all that the sender has in the state; call it now and then, not for each arrival.
func (s *Store) Trim(ctx context.Context, request inbox.TrimRequest) (trimmed int, err error) {
	if request.State == inbox.StatePending || request.State == inbox.StateDelivered || request.Keep < 0 {
		return 0, fmt.Errorf("sqlite inbox: trim: %w: state %q, keep %d", inbox.ErrInvalid, request.State, request.Keep)
	}
	err = s.do(ctx, "trim", &job{work: func(t *tx) error {
		var first, last []int64
		err := t.each(`SELECT sequence, kind FROM delivery INDEXED BY delivery_open
WHERE state NOT IN ('pending', 'delivered') AND state = ? AND provider = ? AND scope = ? ORDER BY max(received_at, last_duplicate_at), id`,
			func(rows *sql.Rows) error {
				var sequence int64
				var kind string
				err := rows.Scan(&sequence, &kind)
				if slices.Contains(request.LastKinds, kind) {
					last = append(last, sequence)
				} else {
					first = append(first, sequence)
				}
				return err
			}, string(request.State), request.Provider, request.Scope)
		if err != nil {
			return err
		}
		all := append(first, last...)
		trimmed = max(0, len(all)-request.Keep)
		return t.removeRows(all[:trimmed])
	}})
	if err != nil {
		return 0, err
	}
	return trimmed, nil
}

// Audit implements inbox.Store.
func (s *Store) Audit(ctx context.Context, entry inbox.AuditEntry) error {
	entry, err := entry.Prepared()
	if err != nil {
		return fmt.Errorf("sqlite inbox: audit: %w", err)
	}
	return s.do(ctx, "audit", &job{work: func(t *tx) error {
		_, err := t.exec("INSERT INTO audit (id, at, who, action, subject) VALUES (?, ?, ?, ?, ?)",
			entry.ID, table.Micros(entry.At), entry.Who, entry.Action, entry.Subject)
		return err
	}})
}

// AuditTrail implements inbox.Store.
func (s *Store) AuditTrail(ctx context.Context, cursor string, limit int) ([]inbox.AuditEntry, error) {
	if cursor == "" {
		cursor = "z"
	}
	var trail []inbox.AuditEntry
	err := s.reads.each(ctx, "SELECT id, at, who, action, subject FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?", func(rows *sql.Rows) error {
		var e inbox.AuditEntry
		var at int64
		err := rows.Scan(&e.ID, &at, &e.Who, &e.Action, &e.Subject)
		e.At = table.Time(at)
		trail = append(trail, e)
		return err
	}, cursor, inbox.Filter{Limit: limit}.PageSize())
	return trail, s.reads.wrap(ctx, "audit trail", err)
}
