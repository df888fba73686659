package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

const takeSequences = `SELECT signalbox_take($1, $2)`

// number gives each row its place: under the lock of its lane, and in the order of the call. A place is after all that were given before it, and
// never below the arrival: a list that begins at some time can begin at that place.
func (t *tx) number(rows []*row) {
	var ahead int64
	for i, r := range rows {
		ahead = max(ahead, cell.Micros(r.ReceivedAt)-int64(i+1))
	}
	t.queue(takeSequences, len(rows), ahead).QueryRow(func(one pgx.Row) error {
		var last int64
		if err := one.Scan(&last); err != nil {
			return err
		}
		for _, r := range rows {
			last = max(last+1, cell.Micros(r.ReceivedAt))
			r.sequence = last
		}
		return nil
	})
}
