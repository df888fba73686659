package postgres

import (
	"bytes"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// arrival is what an append means to a lane.
type arrival struct {
	lane key
	// made says that this transaction made the lane's row.
	made bool
	// dueAt is the first that something new asks for; firstDueAt is what the row was made with, when all seemed new.
	dueAt, firstDueAt int64
	// any says that something was new.
	any bool
}

func (a *arrival) arrive(dueAt int64) {
	if !a.any || dueAt < a.dueAt {
		a.dueAt = dueAt
	}
	a.any = true
}

// lanes are arrivals in the order in which everybody locks lanes.
type lanes []*arrival

// arrivals are the lanes of those rows that will be pending, each with the first due time.
func arrivals(rows []*row) lanes {
	found := map[key]*arrival{}
	for _, r := range rows {
		if r.State != inbox.StatePending {
			continue
		}
		due := cell.Micros(r.DueAt)
		if a, known := found[r.lane]; !known {
			found[r.lane] = &arrival{lane: r.lane, firstDueAt: due}
		} else {
			a.firstDueAt = min(a.firstDueAt, due)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *arrival) int { return bytes.Compare(a.lane[:], b.lane[:]) })
}

func (l lanes) of(lane key) *arrival {
	at, _ := slices.BinarySearchFunc(l, lane, func(a *arrival, lane key) int { return bytes.Compare(a.lane[:], lane[:]) })
	return l[at]
}

// lockLanes goes through the lanes in the order given. A row that is there is locked by counting on it; one whose deletion is under
// way is waited for and then made anew.
const lockLanes = `INSERT INTO signalbox_lane AS l (lane_key, due_at) SELECT * FROM unnest($1::uuid[], $2::bigint[])
ON CONFLICT (lane_key) DO UPDATE SET appends = l.appends + 1 RETURNING lane_key, appends = 0`

// lock queues the locking of lanes: with the next send nobody else appends to them until the transaction ends.
func (t *tx) lock(all lanes) {
	if len(all) == 0 {
		return
	}
	t.queue(lockLanes, column(all, func(a *arrival) key { return a.lane }), column(all, func(a *arrival) int64 { return a.firstDueAt })).
		Query(func(rows pgx.Rows) error {
			return each(rows, func(one pgx.Row) error {
				var lane key
				var made bool
				err := one.Scan(&lane, &made)
				all.of(lane).made = made
				return err
			})
		})
}

const (
	// arrive ends a lane's wait, or if it is claimed, the wait that the claim may end with.
	arrive = `UPDATE signalbox_lane AS l SET arrived = l.owner <> '',
due_at = CASE WHEN l.owner = '' THEN least(l.due_at, a.due_at) ELSE l.due_at END
FROM unnest($1::uuid[], $2::bigint[]) AS a(lane_key, due_at) WHERE l.lane_key = a.lane_key`
	correctDue  = `UPDATE signalbox_lane AS l SET due_at = a.due_at FROM unnest($1::uuid[], $2::bigint[]) AS a(lane_key, due_at) WHERE l.lane_key = a.lane_key`
	deleteLanes = `DELETE FROM signalbox_lane WHERE lane_key = ANY($1)`
)

// queueArrivals makes the rows of lanes say what was new in them. For a row that was made here with what came this is so already.
func (t *tx) queueArrivals(all lanes) {
	var found, other, idle lanes
	for _, a := range all {
		switch {
		case a.any && !a.made:
			found = append(found, a)
		case a.any && a.dueAt != a.firstDueAt:
			other = append(other, a)
		case !a.any && a.made:
			idle = append(idle, a)
		}
	}
	keys := func(some lanes) []key { return column(some, func(a *arrival) key { return a.lane }) }
	due := func(some lanes) []int64 { return column(some, func(a *arrival) int64 { return a.dueAt }) }
	if len(found) > 0 {
		t.queue(arrive, keys(found), due(found))
	}
	if len(other) > 0 {
		t.queue(correctDue, keys(other), due(other))
	}
	if len(idle) > 0 {
		t.queue(deleteLanes, keys(idle))
	}
}
