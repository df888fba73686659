package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite inbox: claim: %w", err)
	}
	var lanes []inbox.Lane
	err := s.do(ctx, "claim", &job{relaxed: true, work: func(t *tx) (err error) {
		lanes, err = t.claim(request)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return lanes, nil
}

const (
	// The second part finds lanes that were given their time by a clock that was ahead.
	selectDue = `SELECT lane_key FROM (SELECT lane_key FROM lane WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3)
UNION ALL SELECT lane_key FROM (SELECT lane_key FROM lane WHERE due_at > ?2 ORDER BY due_at LIMIT ?3)`
	selectPending = `SELECT ` + columns + `, b.body FROM delivery AS d INDEXED BY delivery_pending LEFT JOIN body AS b USING (sequence)
WHERE d.state = 'pending' AND d.lane_key = ? ORDER BY d.id LIMIT ?`
)

var (
	claimLanes  = lists("UPDATE lane SET owner = ?, due_at = ? WHERE lane_key IN ", "")
	renewLanes  = lists("UPDATE lane SET due_at = ? WHERE owner = ? AND lane_key IN ", "")
	deleteLanes = lists("DELETE FROM lane WHERE lane_key IN ", "")
)

func (t *tx) claim(request inbox.ClaimRequest) (claimed []inbox.Lane, err error) {
	var due, taken, idle []int64
	err = t.each(selectDue, func(rows *sql.Rows) error {
		var key int64
		err := rows.Scan(&key)
		due = append(due, key)
		return err
	}, table.Micros(request.Now), table.Micros(request.Now.Add(inbox.MaxWait)), request.MaxLanes)
	if err != nil {
		return nil, err
	}
	room := request.Room()
	for _, key := range due {
		if !room.Left() {
			break
		}
		lane, pending, err := t.pending(key, room)
		switch {
		case err != nil:
			return nil, err
		case !pending:
			idle = append(idle, key)
		case len(lane.Deliveries) > 0:
			room.Taken()
			claimed, taken = append(claimed, lane), append(taken, key)
		}
	}
	if _, err := execAll(t, deleteLanes, idle); err != nil {
		return nil, err
	}
	_, err = execAll(t, claimLanes, taken, request.Owner, table.Micros(request.Now.Add(request.Lease)))
	return claimed, err
}

// pending reads as many of a lane's deliveries as there is room for, and says whether there are any. Where two lanes have one hash,
// those of the second wait for the next claim.
func (t *tx) pending(key int64, room *inbox.Room) (lane inbox.Lane, any bool, err error) {
	full := false
	err = t.each(selectPending, func(rows *sql.Rows) error {
		any = true
		var body []byte
		d, err := scan(rows, &body)
		if lane.Name == "" {
			lane.Name = d.Lane
		}
		if full = full || err != nil || d.Lane != lane.Name || !room.Fits(len(body)); !full {
			d.Body = body
			lane.Deliveries = append(lane.Deliveries, d)
		}
		return err
	}, key, room.PerLane)
	return lane, any, err
}

// Renew implements inbox.Store.
func (s *Store) Renew(ctx context.Context, request inbox.RenewRequest) error {
	keys := make([]int64, len(request.Lanes))
	for i, lane := range request.Lanes {
		keys[i] = table.LaneKey(lane)
	}
	return s.do(ctx, "renew", &job{relaxed: true, work: func(t *tx) error {
		_, err := execAll(t, renewLanes, keys, table.Micros(request.Until), request.Owner)
		return err
	}})
}
