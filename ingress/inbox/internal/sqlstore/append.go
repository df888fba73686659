package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Delivery is a delivery on its way into the tables.
type Delivery struct {
	inbox.Delivery
	unique  [keySize]byte
	lane    int64
	receipt *inbox.Receipt
	// missed: its key or ID was in the table, and then no delivery with its key: that one was purged meanwhile, or only the ID is the same.
	missed bool
}

// rowSize is about what a row costs beside its body: mostly its page in the index of unique keys.
const rowSize = 4096

func (s *Store) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	prepared, err := inbox.Prepare(deliveries)
	if err != nil || len(prepared) == 0 {
		return nil, err
	}
	receipts := make([]inbox.Receipt, len(prepared))
	rows := make([]*Delivery, len(prepared))
	var size int64
	for i, d := range prepared {
		rows[i] = &Delivery{Delivery: d, unique: uniqueKey(d), lane: laneKey(d.Lane), receipt: &receipts[i]}
		size += rowSize + int64(len(d.Body))
	}
	if err := s.db.Append(ctx, rows, size); err != nil {
		return nil, s.db.Wrap(ctx, "append", err)
	}
	return receipts, nil
}

var (
	insertDeliveries = Insert{
		Table: `inbox_delivery (id, lane_key, unique_key, provider, scope, kind, lane, dedupe_key, fingerprint, occurred_at, received_at, state,
reason, conflict_of, settled_at, trace_parent)`,
		Types: []string{"text", "bigint", "bytea", "text", "text", "text", "text", "text", "bytea", "bigint", "bigint", "text", "text", "text", "bigint", "text"},
		Tail:  "ON CONFLICT DO NOTHING RETURNING id, sequence",
	}
	insertBodies = Insert{Table: "inbox_body (sequence, body)", Types: []string{"bigint", "bytea"}}
	insertKinds  = Insert{Table: "inbox_kind (provider, scope, kind)", Types: []string{"text", "text", "text"}, Tail: "ON CONFLICT DO NOTHING"}
)

// AppendTo appends rows, in the order of their unique keys: two transactions with the same keys wait for each other in one direction
// only. It touches no lane: a claim puts what has arrived into its lane.
func (s *Store) AppendTo(tx Tx, rows []*Delivery) error {
	if err := addKinds(tx, rows); err != nil {
		return err
	}
	return insert(tx, slices.SortedStableFunc(slices.Values(rows), func(a, b *Delivery) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), bytes.Compare(a.unique[:], b.unique[:]))
	}))
}

// Appended is called when rows are on disk.
func (s *Store) Appended(rows []*Delivery) {
	if slices.ContainsFunc(rows, func(d *Delivery) bool { return d.State == inbox.StatePending }) {
		s.signalWake()
	}
}

// insert stores the rows that are new, and repeats the others.
func insert(tx Tx, rows []*Delivery) error {
	args := make([]any, 0, len(rows)*len(insertDeliveries.Types))
	for _, d := range rows {
		if d.Fingerprint == nil {
			d.Fingerprint = []byte{}
		}
		args = append(args, d.ID, d.lane, d.unique[:], d.Provider, d.Scope, d.Kind, d.Lane, d.DedupeKey, d.Fingerprint,
			micros(d.OccurredAt), micros(d.ReceivedAt), string(d.State), d.Reason, d.ConflictOf, micros(d.SettledAt), d.TraceParent)
	}
	stored := make(map[string]int64, len(rows))
	if err := tx.Insert(insertDeliveries, args, gather(stored)); err != nil {
		return err
	}
	var known []*Delivery
	bodies := make([]any, 0, 2*len(rows))
	for _, d := range rows {
		sequence, isNew := stored[d.ID]
		if !isNew {
			known = append(known, d)
			continue
		}
		// If one ID was given twice, only the first is stored.
		delete(stored, d.ID)
		d.answer(d.ConflictOf)
		bodies = append(bodies, sequence, d.Body)
	}
	if err := tx.Insert(insertBodies, bodies, nil); err != nil || len(known) == 0 {
		return err
	}
	return repeat(tx, known)
}

// answer fills in the receipt of a stored delivery.
func (d *Delivery) answer(conflictOf string) {
	*d.receipt = inbox.Receipt{ID: d.ID, Outcome: inbox.OutcomeNew, ConflictOf: conflictOf}
	if conflictOf != "" {
		d.receipt.Outcome = inbox.OutcomeConflict
	}
}

const (
	selectFirst    = `SELECT sequence, id, fingerprint, conflict_of FROM inbox_delivery WHERE lane_key = ? AND unique_key = ? @lock`
	countDuplicate = `UPDATE inbox_delivery SET duplicates = duplicates + 1,
last_duplicate_at = CASE WHEN last_duplicate_at > ? THEN last_duplicate_at ELSE ? END WHERE sequence = ?`
)

// repeat handles deliveries whose key or ID is already in the table.
func repeat(tx Tx, known []*Delivery) error {
	var keys, counted [][]any
	for _, d := range known {
		keys = append(keys, []any{d.lane, d.unique[:]})
	}
	firsts, sequences := make([]inbox.Delivery, len(known)), make([]int64, len(known))
	if err := tx.Repeat(selectFirst, keys, func(i int, row Row) error {
		return row.Scan(&sequences[i], &firsts[i].ID, &firsts[i].Fingerprint, &firsts[i].ConflictOf)
	}); err != nil {
		return err
	}
	var others []*Delivery
	for i, d := range known {
		first := firsts[i]
		switch {
		case first.ID == "" && d.missed:
			return fmt.Errorf("%w: %s", inbox.ErrIDTaken, d.ID)
		case first.ID == d.ID:
			// The same append again: the answer to the first one was lost.
			d.answer(first.ConflictOf)
		case first.ID != "" && (len(first.Fingerprint) == 0 || len(d.Fingerprint) == 0 || bytes.Equal(first.Fingerprint, d.Fingerprint)):
			// An unknown body counts as the same: the key alone says duplicate.
			*d.receipt = inbox.Receipt{ID: first.ID, Outcome: inbox.OutcomeDuplicate}
			counted = append(counted, []any{micros(d.ReceivedAt), micros(d.ReceivedAt), sequences[i]})
		default:
			// A batch may be written again, so change a copy.
			other := *d
			if other.missed = first.ID == ""; !other.missed {
				// The dedupe key stays. The unique key has the body's fingerprint, so that a repetition is a duplicate of this delivery.
				other.ConflictOf = first.ID
				other.unique = hash(d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
			}
			others = append(others, &other)
		}
	}
	if err := tx.Repeat(countDuplicate, counted, nil); err != nil || len(others) == 0 {
		return err
	}
	return insert(tx, others)
}

// addKinds adds the rows' kinds that the kind table does not have yet, in one order, as AppendTo does with the rows.
func addKinds(tx Tx, rows []*Delivery) error {
	kinds := map[kind]bool{}
	for _, d := range rows {
		kinds[kind{d.Provider, d.Scope, d.Kind}] = true
	}
	var args []any
	for _, k := range slices.SortedFunc(maps.Keys(kinds), func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.scope, b.scope), cmp.Compare(a.kind, b.kind))
	}) {
		args = append(args, k.provider, k.scope, k.kind)
	}
	return tx.Insert(insertKinds, args, nil)
}

// keySize is the size of a unique key: 128 bits are beyond an accidental collision. Keys are hashes and are stored, so the functions
// here must not change.
const keySize = 16

// uniqueKey is different for any two deliveries of a lane. For a delivery without a dedupe key it is made from the ID.
func uniqueKey(d inbox.Delivery) [keySize]byte {
	if d.DedupeKey == "" {
		return hash(d.ID)
	}
	return hash(d.Provider, d.Scope, d.Lane, d.DedupeKey)
}

// hash hashes each part after its length, so that different lists of parts have different inputs.
func hash(parts ...string) [keySize]byte {
	b := make([]byte, 0, 256)
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return [keySize]byte(sum[:keySize])
}

// laneKey returns the lane_key of a lane. Two lanes may have the same one, though that is improbable: compare the lane as well.
func laneKey(lane string) int64 {
	sum := sha256.Sum256([]byte(lane))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}
