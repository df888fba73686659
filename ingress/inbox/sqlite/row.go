package sqlite

import (
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
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
	d.OccurredAt, d.ReceivedAt, d.DueAt = fromMicros(occurred), fromMicros(received), fromMicros(due)
	d.LastDuplicateAt, d.SettledAt = fromMicros(duplicate), fromMicros(settled)
	return d, nil
}

// micros is how the table keeps time; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// notNil keeps an absent value out of the way of NOT NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
