package sqlite

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// pageSize is half of SQLite's default. A row costs about one page, its place in the index of unique keys.
const pageSize = 2048

// row is a delivery on its way into the table.
type row struct {
	inbox.Delivery
	sequence int64
	unique   [table.UniqueSize]byte
	lane     int64
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
	for i, d := range prepared {
		rows[i] = row{Delivery: d, unique: table.Unique(d), lane: table.LaneKey(d.Lane), receipt: &receipts[i]}
		j.rows[i] = &rows[i]
		j.size += pageSize + int64(len(d.Body))
		if d.State == inbox.StatePending {
			j.committed = s.signalWake
		}
	}
	if err := s.queue.Do(ctx, j, j.size); err != nil {
		return nil, fmt.Errorf("sqlite inbox: append: %w", err)
	}
	return receipts, nil
}

// append stores the rows whose keys are new, then handles those that repeat one.
func (t *tx) append(rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := t.queryRow("SELECT coalesce(max(sequence), 0) FROM delivery", nil, &t.sequence); err != nil {
		return err
	}
	var repeated []*row
	err := inChunks(rows, func(chunk []*row) error {
		known, err := t.insert(chunk)
		repeated = append(repeated, known...)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range repeated {
		if err := t.repeat(r); err != nil {
			return err
		}
	}
	return t.addLanes(rows)
}

const (
	// OR ROLLBACK spares SQLite a copy of each page that it would need to undo one statement; any error here undoes the
	// transaction anyway.
	insertDelivery = `INSERT OR ROLLBACK INTO delivery (sequence, id, unique_key, lane_key, provider, scope, kind, lane, dedupe_key, fingerprint,
occurred_at, received_at, state, reason, conflict_of, settled_at) VALUES `
	insertColumns = 16
)

var (
	insertQueries = tuples(insertDelivery, insertColumns, " ON CONFLICT DO NOTHING")
	bodyQueries   = tuples("INSERT OR ROLLBACK INTO body (sequence, body) VALUES ", 2, "")
	laneQueries   = tuples("INSERT OR ROLLBACK INTO lane (lane_key, due_at) VALUES ", 2, " ON CONFLICT DO NOTHING")
)

// insert stores the rows that are new, and returns the others.
func (t *tx) insert(rows []*row) (known []*row, err error) {
	args := make([]any, 0, len(rows)*insertColumns)
	for _, r := range rows {
		if err := t.addKind(table.Kind{Provider: r.Provider, Scope: r.Scope, Kind: r.Kind}); err != nil {
			return nil, err
		}
		t.sequence++
		r.sequence = t.sequence
		args = append(args, r.sequence, r.ID, r.unique[:], r.lane, r.Provider, r.Scope, r.Kind, r.Lane, r.DedupeKey, table.Bytes(r.Fingerprint),
			table.Micros(r.OccurredAt), table.Micros(r.ReceivedAt), string(r.State), r.Reason, r.ConflictOf, table.Micros(r.SettledAt))
	}
	inserted, err := t.exec(insertQueries[len(rows)], args...)
	if err != nil {
		return nil, err
	}
	fresh := rows
	if inserted < int64(len(rows)) {
		// SQLite does not say which.
		fresh = nil
		for _, r := range rows {
			var id string
			found, err := t.queryRow("SELECT id FROM delivery WHERE sequence = ?", []any{r.sequence}, &id)
			switch {
			case err != nil:
				return nil, err
			case found:
				fresh = append(fresh, r)
			default:
				known = append(known, r)
			}
		}
	}
	for _, r := range fresh {
		*r.receipt = inbox.Receipt{ID: r.ID, Outcome: inbox.OutcomeNew, ConflictOf: r.ConflictOf}
		if r.ConflictOf != "" {
			r.receipt.Outcome = inbox.OutcomeConflict
		}
	}
	return known, inChunks(fresh, func(chunk []*row) error {
		bodies := make([]any, 0, 2*len(chunk))
		for _, r := range chunk {
			bodies = append(bodies, r.sequence, r.Body)
		}
		_, err := t.exec(bodyQueries[len(chunk)], bodies...)
		return err
	})
}

// repeat handles a delivery whose key, or else whose ID, is in the table.
func (t *tx) repeat(r *row) error {
	var sequence int64
	var id, conflictOf string
	var fingerprint []byte
	found, err := t.queryRow("SELECT sequence, id, fingerprint, conflict_of FROM delivery WHERE unique_key = ?", []any{r.unique[:]},
		&sequence, &id, &fingerprint, &conflictOf)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%w: %s", inbox.ErrIDTaken, r.ID)
	case id == r.ID:
		// The same append again, whose answer was lost.
		*r.receipt = inbox.Receipt{ID: id, Outcome: inbox.OutcomeNew, ConflictOf: conflictOf}
		if conflictOf != "" {
			r.receipt.Outcome = inbox.OutcomeConflict
		}
		return nil
	case table.SameBody(fingerprint, r.Fingerprint):
		*r.receipt = inbox.Receipt{ID: id, Outcome: inbox.OutcomeDuplicate}
		_, err := t.exec("UPDATE delivery SET duplicates = duplicates + 1, last_duplicate_at = max(last_duplicate_at, ?) WHERE sequence = ?",
			table.Micros(r.ReceivedAt), sequence)
		return err
	}
	// The dedupe key stays as it came; only what is unique changes. The row is written once more if its batch is, so the change is
	// made to a copy.
	conflict := *r
	conflict.unique, conflict.ConflictOf = table.UniqueConflict(r.Delivery), id
	known, err := t.insert([]*row{&conflict})
	if err == nil && len(known) > 0 {
		err = t.repeat(&conflict)
	}
	return err
}

// addLanes adds the lanes of the rows that are pending and new, once each. One that is there keeps its wait.
func (t *tx) addLanes(rows []*row) error {
	due := map[int64]int64{}
	for _, r := range rows {
		if r.State != inbox.StatePending || r.receipt.Outcome == inbox.OutcomeDuplicate {
			continue
		}
		at := table.Micros(r.ReceivedAt)
		if before, seen := due[r.lane]; !seen || at < before {
			due[r.lane] = at
		}
	}
	return inChunks(slices.Collect(maps.Keys(due)), func(chunk []int64) error {
		args := make([]any, 0, 2*len(chunk))
		for _, lane := range chunk {
			args = append(args, lane, due[lane])
		}
		_, err := t.exec(laneQueries[len(chunk)], args...)
		return err
	})
}

func (t *tx) addKind(k table.Kind) error {
	if t.kinds[k] || slices.Contains(t.added, k) {
		return nil
	}
	t.added = append(t.added, k)
	_, err := t.exec("INSERT OR IGNORE INTO kind (provider, scope, kind) VALUES (?, ?, ?)", k.Provider, k.Scope, k.Kind)
	return err
}
