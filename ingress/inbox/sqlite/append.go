package sqlite

import (
	"bytes"
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// row is a delivery on its way into the table.
type row struct {
	inbox.Delivery
	sequence int64
	key      key
	receipt  *inbox.Receipt
}

// Append implements inbox.Store.
func (s *Store) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	prepared, err := inbox.Prepare(deliveries)
	if err != nil {
		return nil, err
	}
	if len(prepared) == 0 {
		return nil, nil
	}
	receipts := make([]inbox.Receipt, len(prepared))
	rows := make([]row, len(prepared))
	j := &job{rows: make([]*row, len(prepared))}
	pending := false
	for i, d := range prepared {
		rows[i] = row{Delivery: d, key: keyOf(d), receipt: &receipts[i]}
		j.rows[i] = &rows[i]
		j.size += pageSize + int64(len(d.Body))
		pending = pending || d.State == inbox.StatePending
	}
	if pending {
		j.committed = s.signalWake
	}
	if err := s.queue.Do(ctx, j, j.size); err != nil {
		return nil, fmt.Errorf("sqlite inbox: append: %w", err)
	}
	return receipts, nil
}

// keyOf is what is kept unique. A delivery without a key is alone with its ID.
func keyOf(d inbox.Delivery) key {
	if d.DedupeKey == "" {
		return key{laneHash(d.Lane), hash.Key(d.ID)}
	}
	return key{laneHash(d.Lane), hash.Key(d.Provider, d.Scope, d.Lane, d.DedupeKey)}
}

// conflictHash separates the bodies that came under one key, so that a repetition of any of
// them is a duplicate of that one.
func conflictHash(d inbox.Delivery) [hash.KeySize]byte {
	return hash.Key(d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
}

// append stores the rows whose keys are new, then handles those that repeat one.
func (t *tx) append(rows []*row) error {
	known, err := t.knownOf(rows)
	if err != nil {
		return err
	}
	fresh, repeated := make([]*row, 0, len(rows)), []*row(nil)
	for _, r := range rows {
		if known[r.key] {
			repeated = append(repeated, r)
			continue
		}
		known[r.key] = true
		fresh = append(fresh, r)
	}
	if err := inChunks(fresh, t.insert); err != nil {
		return err
	}
	for _, r := range repeated {
		if err := t.repeat(r); err != nil {
			return err
		}
	}
	return t.mergeKeys(len(rows))
}

// insert stores rows whose keys are new.
func (t *tx) insert(rows []*row) error {
	args, bodies := make([]any, 0, len(rows)*insertColumns), make([]any, 0, 2*len(rows))
	for _, r := range rows {
		// Never below the arrival: a list that begins at some time can begin at that sequence.
		t.sequence = max(t.sequence+1, cell.Micros(r.ReceivedAt))
		r.sequence = t.sequence
		args = append(args, r.sequence, r.ID, r.key.lane, r.key.hash[:], r.Provider, r.Scope, r.Lane, r.Kind, r.DedupeKey,
			cell.Bytes(r.Fingerprint), cell.Micros(r.OccurredAt), cell.Micros(r.ReceivedAt), string(r.State), r.Reason, r.ConflictOf,
			cell.Micros(r.DueAt), cell.Micros(r.SettledAt))
		bodies = append(bodies, r.sequence, r.Body)
	}
	n, err := t.exec(insertQueries[len(rows)], args...)
	if err != nil {
		return err
	}
	if n < int64(len(rows)) {
		return t.idTaken(rows)
	}
	if _, err := t.exec(bodyQueries[len(rows)], bodies...); err != nil {
		return err
	}
	for _, r := range rows {
		t.added[r.key] = r.sequence
		t.counts[r.State]++
		*r.receipt = inbox.Receipt{ID: r.ID, Outcome: inbox.OutcomeNew, ConflictOf: r.ConflictOf}
		if r.ConflictOf != "" {
			r.receipt.Outcome = inbox.OutcomeConflict
		}
	}
	return nil
}

// idTaken names a row that was not inserted; SQLite does not say which.
func (t *tx) idTaken(rows []*row) error {
	for _, r := range rows {
		var one int
		inserted, err := t.queryRow("SELECT 1 FROM delivery WHERE sequence = ?", []any{r.sequence}, &one)
		if err != nil {
			return err
		}
		if !inserted {
			return fmt.Errorf("%w: %s", inbox.ErrIDTaken, r.ID)
		}
	}
	return fmt.Errorf("%d rows were inserted, though not all", len(rows))
}

// repeat handles a delivery whose key is known.
func (t *tx) repeat(r *row) error {
	sequence, _, err := t.sequenceOf(r.key)
	if err != nil {
		return err
	}
	var id string
	var fingerprint []byte
	found, err := t.queryRow("SELECT id, fingerprint FROM delivery WHERE sequence = ?", []any{sequence}, &id, &fingerprint)
	switch {
	case err != nil:
		return err
	case !found:
		// A file that somebody mended by hand. An event too many is found by its workflow, one too few by nobody.
		return t.insert([]*row{r})
	case sameBody(fingerprint, r.Fingerprint):
		return t.countDuplicate(r, sequence, id)
	}
	// The key stays as it came; only what is unique changes. The row may be written a second
	// time when its batch is, so the change is made to a copy.
	conflict := *r
	conflict.key.hash, conflict.ConflictOf = conflictHash(r.Delivery), id
	_, known, err := t.sequenceOf(conflict.key)
	switch {
	case err != nil:
		return err
	case known:
		return t.repeat(&conflict)
	default:
		return t.insert([]*row{&conflict})
	}
}

func (t *tx) countDuplicate(r *row, sequence int64, id string) error {
	*r.receipt = inbox.Receipt{ID: id, Outcome: inbox.OutcomeDuplicate}
	_, err := t.exec("UPDATE delivery SET duplicates = duplicates + 1, last_duplicate_at = max(last_duplicate_at, ?) WHERE sequence = ?",
		cell.Micros(r.ReceivedAt), sequence)
	return err
}

// sameBody treats an unknown body as the same: a key alone says duplicate.
func sameBody(a, b []byte) bool {
	return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b)
}

const (
	// OR ROLLBACK spares SQLite a copy of each page that it would need to undo one statement; any
	// error here undoes the transaction anyway.
	insertDelivery = `INSERT OR ROLLBACK INTO delivery (sequence, id, lane_hash, key_hash, provider, scope, lane, kind, dedupe_key,
fingerprint, occurred_at, received_at, state, reason, conflict_of, due_at, settled_at) VALUES `
	insertColumns = 17
)

var (
	insertQueries = chunkQueries(insertDelivery, insertColumns, " ON CONFLICT DO NOTHING")
	bodyQueries   = chunkQueries(`INSERT OR ROLLBACK INTO body (sequence, body) VALUES `, 2, "")
)
