package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// key is a hash of fixed size, a uuid in the tables: 128 bits, beyond reach of an accidental collision, so that two lanes or two
// dedupe keys with one hash need no thought.
type key = [hash.KeySize]byte

// laneKey is the tables' name of a lane.
func laneKey(lane string) key { return key(hash.Key("lane", lane)) }

// stored is a delivery as read, with its place in the order of appending.
type stored struct {
	inbox.Delivery
	sequence int64
}

// columns are what scan reads, in its order.
const columns = `d.sequence, d.id, d.provider, d.scope, d.lane, d.kind, d.dedupe_key, d.fingerprint, d.occurred_at, d.received_at,
d.state, d.reason, d.conflict_of, d.attempts, d.due_at, d.duplicates, d.last_duplicate_at, d.settled_at`

// scan reads columns, then whatever else was selected.
func scan(row pgx.Row, more ...any) (stored, error) {
	var d stored
	var occurred, received, due, duplicate, settled int64
	dest := []any{
		&d.sequence, &d.ID, &d.Provider, &d.Scope, &d.Lane, &d.Kind, &d.DedupeKey, &d.Fingerprint, &occurred, &received,
		&d.State, &d.Reason, &d.ConflictOf, &d.Attempts, &due, &d.Duplicates, &duplicate, &settled,
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return stored{}, err
	}
	for _, text := range []*string{&d.ID, &d.Provider, &d.Scope, &d.Lane, &d.Kind, &d.DedupeKey, &d.Reason, &d.ConflictOf} {
		*text = unescape(*text)
	}
	d.OccurredAt, d.ReceivedAt, d.DueAt = cell.Time(occurred), cell.Time(received), cell.Time(due)
	d.LastDuplicateAt, d.SettledAt = cell.Time(duplicate), cell.Time(settled)
	return d, nil
}

// each calls scan for every row.
func each(rows pgx.Rows, scan func(pgx.Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
