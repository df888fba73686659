package sqlstore

import (
	"context"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	selectDue = `SELECT lane_key FROM inbox_lane WHERE due_at <= ? ORDER BY due_at LIMIT ? @skip`
	// A lane that waits longer than any may was given its time by a clock that was ahead.
	selectAhead   = `SELECT lane_key FROM inbox_lane WHERE due_at > ? ORDER BY due_at LIMIT ? @skip`
	selectPending = `SELECT ` + columns + `, b.body FROM inbox_delivery AS d @delivery_pending LEFT JOIN inbox_body AS b ON b.sequence = d.sequence
WHERE d.state = 'pending' AND d.lane_key = ? ORDER BY d.id LIMIT ?`
	deleteLanes = `DELETE FROM inbox_lane WHERE lane_key IN (*)`
	claimLanes  = `UPDATE inbox_lane SET owner = ?, due_at = ? WHERE lane_key IN (*)`
	renewLanes  = `UPDATE inbox_lane SET due_at = ? WHERE due_at < ? AND lane_key IN (*)`
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) (lanes []inbox.Lane, err error) {
	if err := request.Validate(); err != nil {
		return nil, s.db.Wrap(ctx, "claim", err)
	}
	err = s.write(ctx, "claim", true, func(tx Tx) (err error) {
		lanes, err = claim(tx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lanes, nil
}

func claim(tx Tx, request inbox.ClaimRequest) (claimed []inbox.Lane, err error) {
	var due, taken, idle []int64
	scan := func(row Row) error {
		var lane int64
		err := row.Scan(&lane)
		due = append(due, lane)
		return err
	}
	if err := tx.Each(selectDue, scan, micros(request.Now), request.MaxLanes); err != nil {
		return nil, err
	}
	if left := request.MaxLanes - len(due); left > 0 {
		if err := tx.Each(selectAhead, scan, micros(request.Now.Add(inbox.MaxWait)), left); err != nil {
			return nil, err
		}
	}
	room := request.Room()
	for _, key := range due {
		if !room.Left() {
			break
		}
		lane, pending, err := pendingOf(tx, key, room)
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
	if _, err := tx.ExecList(deleteLanes, idle); err != nil {
		return nil, err
	}
	_, err = tx.ExecList(claimLanes, taken, request.Owner, micros(request.Now.Add(request.Lease)))
	return claimed, err
}

// pendingOf reads as many of a lane's deliveries as there is room for, and says whether there are any. Where two lanes have one hash,
// those of the second wait for the next claim.
func pendingOf(tx Tx, key int64, room *inbox.Room) (lane inbox.Lane, any bool, err error) {
	full := false
	err = tx.Each(selectPending, func(row Row) error {
		any = true
		var body []byte
		d, err := scanDelivery(row, &body)
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
		keys[i] = laneKey(lane)
	}
	return s.write(ctx, "renew", true, func(tx Tx) error {
		owned, err := lockOwned(tx, request.Owner, keys)
		if err == nil {
			_, err = tx.ExecList(renewLanes, owned, micros(request.Until), micros(request.Until))
		}
		return err
	})
}

const (
	selectPlaces = `SELECT id, lane_key, state FROM inbox_delivery WHERE id IN (*)`
	selectOwned  = `SELECT lane_key FROM inbox_lane WHERE owner = ? AND lane_key IN (*) ORDER BY lane_key @lock`
	endAll       = `UPDATE inbox_delivery SET state = ?, reason = ?, settled_at = ? WHERE state IN ('pending', 'quarantined') AND id IN (*)`
	retryOne     = `UPDATE inbox_delivery SET reason = ?, attempts = attempts + ?,
unmatched_since = CASE unmatched_since WHEN 0 THEN ? ELSE unmatched_since END WHERE state = 'pending' AND id = ?`
	// What has nothing pending goes, the rest is freed.
	deleteIdle = `DELETE FROM inbox_lane WHERE NOT EXISTS (SELECT 1 FROM inbox_delivery AS d @delivery_pending
WHERE d.state = 'pending' AND d.lane_key = inbox_lane.lane_key) AND lane_key IN (*)`
	freeLanes = `UPDATE inbox_lane SET owner = '', due_at = ? WHERE lane_key IN (*)`
)

// Settle implements inbox.Store.
func (s *Store) Settle(ctx context.Context, request inbox.SettleRequest) error {
	if err := request.Validate(); err != nil {
		return s.db.Wrap(ctx, "settle", err)
	}
	due := false
	err := s.write(ctx, "settle", true, func(tx Tx) (err error) {
		due, err = settle(tx, request)
		return err
	})
	if err == nil && due {
		s.signalWake()
	}
	return err
}

// settle applies what is to be applied, and says whether a lane has more to hand out now.
func settle(tx Tx, request inbox.SettleRequest) (due bool, err error) {
	places, owned, err := lockPlaces(tx, request)
	if err != nil {
		return false, err
	}
	type end struct{ state, reason string }
	ends := map[end][]string{}
	seen := map[string]bool{}
	waits := map[int64]int64{} // until when a lane waits
	for _, one := range request.Settlements {
		lane, known := places[one.ID]
		switch {
		case !known:
		case one.IsEnd() && !seen[one.ID]:
			seen[one.ID] = true
			e := end{string(one.State), one.Reason}
			ends[e] = append(ends[e], one.ID)
		case one.IsRetry() && owned[lane]:
			counted := 0
			if one.Counted {
				counted = 1
			}
			n, err := tx.Exec(retryOne, one.Reason, counted, micros(one.UnmatchedSince), one.ID)
			if err != nil {
				return false, err
			}
			if _, first := waits[lane]; !first && n > 0 {
				waits[lane] = micros(request.Due(one))
			}
		}
	}
	for e, ids := range ends {
		if _, err := tx.ExecList(endAll, ids, e.state, e.reason, micros(request.Now)); err != nil {
			return false, err
		}
	}
	byTime := map[int64][]int64{}
	for lane := range owned {
		at, waits := waits[lane]
		if !waits {
			at = micros(request.Now)
		}
		byTime[at] = append(byTime[at], lane)
	}
	for at, lanes := range byTime {
		gone, err := tx.ExecList(deleteIdle, lanes)
		if err != nil {
			return false, err
		}
		if gone == int64(len(lanes)) {
			continue
		}
		// That the lane is due is no news to who only gave it back.
		due = due || len(ends) > 0 && at <= micros(request.Now)
		if _, err := tx.ExecList(freeLanes, lanes, at); err != nil {
			return false, err
		}
	}
	return due, nil
}

// lockPlaces returns the lanes of the deliveries that there are, and locks those that the owner has claimed: what is appended to them
// from now on is appended after this.
func lockPlaces(tx Tx, request inbox.SettleRequest) (places map[string]int64, owned map[int64]bool, err error) {
	ids := make([]string, len(request.Settlements))
	for i, one := range request.Settlements {
		ids[i] = one.ID
	}
	places = make(map[string]int64, len(ids))
	var lanes []int64
	err = tx.EachList(selectPlaces, func(row Row) error {
		var id, state string
		var lane int64
		err := row.Scan(&id, &lane, &state)
		places[id] = lane
		lanes = append(lanes, lane)
		return err
	}, ids)
	if err != nil {
		return nil, nil, err
	}
	mine, err := lockOwned(tx, request.Owner, lanes)
	owned = make(map[int64]bool, len(mine))
	for _, lane := range mine {
		owned[lane] = true
	}
	return places, owned, err
}

// lockOwned locks those of the lanes that the owner has claimed, and returns them. A store may leave out what another transaction holds.
func lockOwned(tx Tx, owner string, lanes []int64) (owned []int64, err error) {
	err = tx.EachList(selectOwned, func(row Row) error {
		var lane int64
		err := row.Scan(&lane)
		owned = append(owned, lane)
		return err
	}, lanes, owner)
	return owned, err
}
