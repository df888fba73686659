package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// row is a delivery on its way into the table.
type row struct {
	inbox.Delivery
	sequence int64
	laneHash int64
	keyHash  []byte
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
		rows[i] = row{Delivery: d, laneHash: laneHash(d.Lane), keyHash: keyHash(d), receipt: &receipts[i]}
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

// keyHash is what the table keeps unique. A delivery without a key is alone with its ID.
func keyHash(d inbox.Delivery) []byte {
	if d.DedupeKey == "" {
		return hash.Key(d.ID)
	}
	return hash.Key(d.Provider, d.Scope, d.Lane, d.DedupeKey)
}

// conflictHash separates the bodies that came under one key, so that a repetition of any of
// them is a duplicate of that one.
func conflictHash(d inbox.Delivery) []byte {
	return hash.Key(d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
}

// Statements for many rows at once cost a third of as many single ones. Two sizes are enough:
// a busy batch is mostly full chunks, and a quiet one is short.
var chunkSizes = []int{32, 8, 1}

func (t *tx) append(rows []*row) error {
	for len(rows) > 0 {
		size := 1
		for _, n := range chunkSizes {
			if n <= len(rows) {
				size = n
				break
			}
		}
		if err := t.appendChunk(rows[:size]); err != nil {
			return err
		}
		rows = rows[size:]
	}
	return nil
}

func (t *tx) appendChunk(rows []*row) error {
	inserted, err := t.insert(rows)
	if err != nil {
		return err
	}
	if inserted == len(rows) {
		return t.accept(rows)
	}
	// Some were known already, and SQLite does not say which.
	for _, r := range rows {
		var one int
		isNew, err := t.queryRow("SELECT 1 FROM delivery WHERE sequence = ?", []any{r.sequence}, &one)
		if err != nil {
			return err
		}
		if isNew {
			err = t.accept([]*row{r})
		} else {
			err = t.repeat(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// insert returns how many of the rows were new.
func (t *tx) insert(rows []*row) (int, error) {
	args := make([]any, 0, len(rows)*insertColumns)
	for _, r := range rows {
		// Never below the arrival: a list that begins at some time can begin at that sequence.
		t.sequence = max(t.sequence+1, cell.Micros(r.ReceivedAt))
		r.sequence = t.sequence
		args = append(args, r.sequence, r.ID, r.laneHash, r.keyHash, r.Provider, r.Scope, r.Lane, r.Kind, r.DedupeKey,
			cell.Bytes(r.Fingerprint), cell.Micros(r.OccurredAt), cell.Micros(r.ReceivedAt), string(r.State), r.Reason, r.ConflictOf,
			cell.Micros(r.DueAt), cell.Micros(r.SettledAt))
	}
	n, err := t.exec(insertQueries[len(rows)], args...)
	return int(n), err
}

// accept writes the bodies of rows that were new, and their receipts.
func (t *tx) accept(rows []*row) error {
	bodies := make([]any, 0, 2*len(rows))
	for _, r := range rows {
		bodies = append(bodies, r.sequence, r.Body)
		t.counts[r.State]++
		*r.receipt = inbox.Receipt{ID: r.ID, Outcome: inbox.OutcomeNew, ConflictOf: r.ConflictOf}
		if r.ConflictOf != "" {
			r.receipt.Outcome = inbox.OutcomeConflict
		}
	}
	_, err := t.exec(bodyQueries[len(rows)], bodies...)
	return err
}

// repeat handles a delivery whose key, or else whose ID, is in the table.
func (t *tx) repeat(r *row) error {
	first, found, err := t.byKey(r)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w: %s", inbox.ErrIDTaken, r.ID)
	}
	if sameBody(first.fingerprint, r.Fingerprint) {
		return t.countDuplicate(first, r)
	}
	// The key stays as it came; only what is unique changes. The row may be written a second
	// time when its batch is, so the change is made to a copy.
	conflict := *r
	conflict.keyHash, conflict.ConflictOf = conflictHash(r.Delivery), first.id
	return t.appendConflict(&conflict)
}

func (t *tx) appendConflict(r *row) error {
	inserted, err := t.insert([]*row{r})
	if err != nil {
		return err
	}
	if inserted == 1 {
		return t.accept([]*row{r})
	}
	earlier, found, err := t.byKey(r)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w: %s", inbox.ErrIDTaken, r.ID)
	}
	return t.countDuplicate(earlier, r)
}

type known struct {
	sequence    int64
	id          string
	fingerprint []byte
}

func (t *tx) byKey(r *row) (k known, found bool, err error) {
	found, err = t.queryRow(selectByKey, []any{r.laneHash, r.keyHash}, &k.sequence, &k.id, &k.fingerprint)
	return k, found, err
}

func (t *tx) countDuplicate(first known, r *row) error {
	*r.receipt = inbox.Receipt{ID: first.id, Outcome: inbox.OutcomeDuplicate}
	_, err := t.exec("UPDATE delivery SET duplicates = duplicates + 1, last_duplicate_at = max(last_duplicate_at, ?) WHERE sequence = ?",
		cell.Micros(r.ReceivedAt), first.sequence)
	return err
}

// sameBody treats an unknown body as the same: a key alone says duplicate.
func sameBody(a, b []byte) bool {
	return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b)
}

const (
	selectByKey = `SELECT sequence, id, fingerprint FROM delivery WHERE lane_hash = ? AND key_hash = ?`
	// OR ROLLBACK spares SQLite a copy of each page that it would need to undo one statement; any
	// error here undoes the transaction anyway.
	insertDelivery = `INSERT OR ROLLBACK INTO delivery (sequence, id, lane_hash, key_hash, provider, scope, lane, kind, dedupe_key,
fingerprint, occurred_at, received_at, state, reason, conflict_of, due_at, settled_at) VALUES `
	insertColumns = 17
	insertBody    = `INSERT OR ROLLBACK INTO body (sequence, body) VALUES `
)

var (
	insertQueries = chunkQueries(insertDelivery, insertColumns, " ON CONFLICT DO NOTHING")
	bodyQueries   = chunkQueries(insertBody, 2, "")
)

// chunkQueries writes one statement for each chunk size.
func chunkQueries(head string, columns int, tail string) map[int]string {
	tuple := "(?" + strings.Repeat(", ?", columns-1) + ")"
	queries := map[int]string{}
	for _, n := range chunkSizes {
		queries[n] = head + tuple + strings.Repeat(", "+tuple, n-1) + tail
	}
	return queries
}
