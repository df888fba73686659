package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// Settle implements inbox.Store.
func (s *Store) Settle(ctx context.Context, request inbox.SettleRequest) error {
	if err := request.Validate(); err != nil {
		return fmt.Errorf("sqlite inbox: settle: %w", err)
	}
	if len(request.Settlements) == 0 {
		return nil
	}
	due := false
	return s.do(ctx, "settle", &job{
		relaxed: true,
		size:    pageSize * int64(len(request.Settlements)),
		work: func(t *tx) (err error) {
			due, err = t.settle(request)
			return err
		},
		committed: func() {
			if due {
				s.signalWake()
			}
		},
	})
}

var (
	selectPlaces = lists(`SELECT d.id, d.lane_key, d.state, coalesce(l.owner = ?, false) FROM delivery AS d LEFT JOIN lane AS l USING (lane_key)
WHERE d.id IN `, "")
	endDeliveries = lists("UPDATE delivery SET state = ?, reason = ?, settled_at = ? WHERE id IN ", "")
	// What has nothing pending goes, the rest is freed.
	deleteIdle = lists("DELETE FROM lane WHERE lane_key IN ",
		" AND NOT EXISTS (SELECT 1 FROM delivery AS d INDEXED BY delivery_pending WHERE d.state = 'pending' AND d.lane_key = lane.lane_key)")
	freeLanes = lists("UPDATE lane SET owner = '', due_at = ? WHERE lane_key IN ", "")
)

const retryDelivery = `UPDATE delivery SET reason = ?, attempts = attempts + ?,
unmatched_since = CASE unmatched_since WHEN 0 THEN ? ELSE unmatched_since END WHERE id = ?`

// place is where a delivery is, its state, and whether its lane is the owner's.
type place struct {
	lane  int64
	state inbox.State
	owned bool
}

// settle applies what is to be applied, and says whether a lane has more to hand out now.
func (t *tx) settle(request inbox.SettleRequest) (due bool, err error) {
	places, err := t.places(request)
	if err != nil {
		return false, err
	}
	type end struct {
		state  inbox.State
		reason string
	}
	ends := map[end][]string{}
	now, anyEnd := table.Micros(request.Now), false
	lanes := map[int64]int64{} // when each of the owner's lanes is due
	for _, one := range request.Settlements {
		at, known := places[one.ID]
		if !known {
			continue
		}
		if _, waits := lanes[at.lane]; at.owned && !waits {
			lanes[at.lane] = 0
		}
		switch {
		case one.IsEnd() && (at.state == inbox.StatePending || at.state == inbox.StateQuarantined):
			anyEnd = true
			ends[end{one.State, one.Reason}] = append(ends[end{one.State, one.Reason}], one.ID)
			places[one.ID] = place{at.lane, one.State, at.owned}
		case one.IsRetry() && at.owned && at.state == inbox.StatePending:
			if _, err := t.exec(retryDelivery, one.Reason, one.Counted, table.Micros(one.UnmatchedSince), one.ID); err != nil {
				return false, err
			}
			if lanes[at.lane] == 0 {
				lanes[at.lane] = table.Micros(request.Due(one))
			}
		}
	}
	for e, ids := range ends {
		if _, err := execAll(t, endDeliveries, ids, string(e.state), e.reason, now); err != nil {
			return false, err
		}
	}
	byTime := map[int64][]int64{}
	for lane, at := range lanes {
		if at == 0 {
			at = now
		}
		byTime[at] = append(byTime[at], lane)
	}
	for at, some := range byTime {
		gone, err := execAll(t, deleteIdle, some)
		if err != nil {
			return false, err
		}
		if gone == int64(len(some)) {
			continue
		}
		due = due || anyEnd && at <= now
		if _, err := execAll(t, freeLanes, some, at); err != nil {
			return false, err
		}
	}
	return due, nil
}

func (t *tx) places(request inbox.SettleRequest) (map[string]place, error) {
	places, ids := make(map[string]place, len(request.Settlements)), make([]string, len(request.Settlements))
	for i, one := range request.Settlements {
		ids[i] = one.ID
	}
	err := queryAll(t, selectPlaces, ids, func(rows *sql.Rows) error {
		var id string
		var at place
		err := rows.Scan(&id, &at.lane, &at.state, &at.owned)
		places[id] = at
		return err
	}, request.Owner)
	return places, err
}
