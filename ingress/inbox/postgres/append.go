package postgres

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// row is a delivery on its way into the table.
type row struct {
	inbox.Delivery
	lane key
	// dedupe is what the table keeps unique within the lane: first that of the key, and for another body under a known key that of both.
	dedupe key
	// conflictOf is the ID of the first under the key where this one's body differs; flagged says that the table told so.
	conflictOf string
	flagged    bool
	sequence   int64
	receipt    *inbox.Receipt
}

// job is one caller's append.
type job struct {
	rows []*row
	size int64
}

// rowSize is about what a row costs beside its body.
const rowSize = 1024

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
		rows[i] = row{Delivery: d, lane: laneKey(d.Lane), receipt: &receipts[i]}
		j.rows[i] = &rows[i]
		j.size += rowSize + int64(len(d.Body))
	}
	if err := s.appends.Do(ctx, j, j.size); err != nil {
		return nil, wrap("append", err)
	}
	return receipts, nil
}

// commit writes a batch in one transaction. Where the data of one may be at fault, each job gets a transaction of its own, so that
// it fails alone; an outage fails the batch as it is.
func (s *Store) commit(batch []*job) []error {
	errs := make([]error, len(batch))
	err := s.appendAll(batch)
	alone := err != nil && len(batch) > 1 && isFault(err)
	for i := range batch {
		if alone {
			err = s.appendAll(batch[i : i+1])
		}
		errs[i] = err
	}
	return errs
}

// appendAll runs without the callers' contexts: one that leaves must not interrupt the others.
func (s *Store) appendAll(batch []*job) error {
	var rows []*row
	for _, j := range batch {
		rows = append(rows, j.rows...)
	}
	due := false
	err := s.transact(context.Background(), func(ctx context.Context, t *tx) (err error) {
		due, err = t.append(ctx, rows)
		return err
	})
	if err == nil && due {
		s.waking.signal()
	}
	return err
}

// append stores rows and says whether something is due by them.
func (t *tx) append(ctx context.Context, rows []*row) (due bool, err error) {
	lanes := arrivals(rows)
	t.lock(lanes)
	for _, r := range rows {
		r.begin()
	}
	t.number(rows)
	if err := t.send(ctx); err != nil {
		return false, err
	}
	repeats, err := t.insert(ctx, rows)
	if err == nil && len(repeats) > 0 {
		err = t.repeat(ctx, repeats)
	}
	if err != nil {
		return false, err
	}
	t.queueBodies(rows)
	for _, r := range rows {
		if r.receipt.Outcome == inbox.OutcomeDuplicate {
			continue
		}
		t.moved[r.State]++
		if r.State == inbox.StatePending {
			lanes.of(r.lane).arrive(cell.Micros(r.DueAt))
			due = true
		}
	}
	t.queueArrivals(lanes)
	return due, nil
}

// begin makes a row what it was before the transaction was tried.
func (r *row) begin() {
	*r.receipt = inbox.Receipt{}
	r.conflictOf, r.flagged = r.ConflictOf, false
	r.dedupe = key(hash.Key(r.Provider, r.Scope, r.Lane, r.DedupeKey))
	if r.DedupeKey == "" {
		// One without a key is alone with its ID.
		r.dedupe = key(hash.Key(r.ID))
	}
}

const insertDeliveries = `INSERT INTO signalbox_delivery (sequence, id, lane_key, dedupe_hash, provider, scope, lane, kind, dedupe_key,
fingerprint, occurred_at, received_at, state, reason, conflict_of, due_at, settled_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
$10::bytea[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[])
ON CONFLICT DO NOTHING RETURNING sequence`

// insert stores those rows that are new, and returns the others. It goes by key, and for equal keys by place: two transactions with
// the same keys outside any lane then wait for each other in one direction only.
func (t *tx) insert(ctx context.Context, rows []*row) (repeats []*row, err error) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(bytes.Compare(a.lane[:], b.lane[:]), bytes.Compare(a.dedupe[:], b.dedupe[:]), cmp.Compare(a.sequence, b.sequence))
	})
	fresh := make(map[int64]bool, len(rows))
	t.queue(insertDeliveries,
		column(rows, func(r *row) int64 { return r.sequence }),
		column(rows, func(r *row) string { return escape(r.ID) }),
		column(rows, func(r *row) key { return r.lane }),
		column(rows, func(r *row) key { return r.dedupe }),
		column(rows, func(r *row) string { return escape(r.Provider) }),
		column(rows, func(r *row) string { return escape(r.Scope) }),
		column(rows, func(r *row) string { return escape(r.Lane) }),
		column(rows, func(r *row) string { return escape(r.Kind) }),
		column(rows, func(r *row) string { return escape(r.DedupeKey) }),
		column(rows, func(r *row) []byte { return cell.Bytes(r.Fingerprint) }),
		column(rows, func(r *row) int64 { return cell.Micros(r.OccurredAt) }),
		column(rows, func(r *row) int64 { return cell.Micros(r.ReceivedAt) }),
		column(rows, func(r *row) string { return string(r.State) }),
		column(rows, func(r *row) string { return escape(r.Reason) }),
		column(rows, func(r *row) string { return escape(r.conflictOf) }),
		column(rows, func(r *row) int64 { return cell.Micros(r.DueAt) }),
		column(rows, func(r *row) int64 { return cell.Micros(r.SettledAt) }),
	).Query(func(found pgx.Rows) error {
		return each(found, func(one pgx.Row) error {
			var sequence int64
			err := one.Scan(&sequence)
			fresh[sequence] = true
			return err
		})
	})
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	for _, r := range rows {
		switch {
		case !fresh[r.sequence]:
			repeats = append(repeats, r)
		case r.conflictOf != "":
			*r.receipt = inbox.Receipt{ID: r.ID, Outcome: inbox.OutcomeConflict, ConflictOf: r.conflictOf}
		default:
			*r.receipt = inbox.Receipt{ID: r.ID, Outcome: inbox.OutcomeNew}
		}
	}
	return repeats, nil
}

const insertBodies = `INSERT INTO signalbox_body (sequence, body) SELECT * FROM unnest($1::bigint[], $2::bytea[])`

func (t *tx) queueBodies(rows []*row) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return r.receipt.Outcome == inbox.OutcomeDuplicate })
	if len(rows) > 0 {
		t.queue(insertBodies, column(rows, func(r *row) int64 { return r.sequence }), column(rows, func(r *row) []byte { return r.Body }))
	}
}

// column is one field of many, as a statement for many rows takes it.
func column[E, F any](all []E, field func(E) F) []F {
	out := make([]F, len(all))
	for i, one := range all {
		out[i] = field(one)
	}
	return out
}
