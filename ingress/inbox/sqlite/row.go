package sqlite

import (
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// stored is a delivery as read, with its place in the order of appending.
type stored struct {
	inbox.Delivery
	sequence int64
}

// columns are what scan reads, in its order.
const columns = `sequence, id, provider, scope, lane, kind, dedupe_key, fingerprint, occurred_at, received_at,
state, reason, conflict_of, attempts, due_at, duplicates, last_duplicate_at, settled_at`

type scanner interface{ Scan(...any) error }

// scan reads columns, then whatever else was selected.
func scan(rows scanner, more ...any) (stored, error) {
	var d stored
	var occurred, received, due, duplicate, settled int64
	dest := []any{
		&d.sequence, &d.ID, &d.Provider, &d.Scope, &d.Lane, &d.Kind, &d.DedupeKey, &d.Fingerprint, &occurred, &received,
		&d.State, &d.Reason, &d.ConflictOf, &d.Attempts, &due, &d.Duplicates, &duplicate, &settled,
	}
	if err := rows.Scan(append(dest, more...)...); err != nil {
		return stored{}, err
	}
	d.OccurredAt, d.ReceivedAt, d.DueAt = cell.Time(occurred), cell.Time(received), cell.Time(due)
	d.LastDuplicateAt, d.SettledAt = cell.Time(duplicate), cell.Time(settled)
	return d, nil
}
