package sqlstore

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	selectClaims = `SELECT lane_key, claim FROM inbox_lane WHERE lane_key IN (*) ORDER BY lane_key`
	selectPlaces = `SELECT id, lane_key FROM inbox_delivery WHERE state = 'pending' AND id IN (*) ORDER BY id @lock`
	// ignored replaces what is neither pending nor delivered; any other end replaces pending.
	endAll   = `UPDATE inbox_delivery SET state = ?, reason = ?, settled_at = ? WHERE (state = 'pending') = (? <> 'ignored') AND state <> 'delivered' AND id IN (*)`
	retryOne = `UPDATE inbox_delivery SET reason = ?, attempts = attempts + CASE WHEN ? THEN 1 ELSE 0 END,
unmatched_since = CASE WHEN ? THEN ? ELSE unmatched_since END WHERE id = ?`
	// Lanes without pending deliveries are deleted, the others are freed. A subquery of one row is run lane by lane; PostgreSQL would turn
	// NOT EXISTS into a join that reads the deliveries of all lanes.
	deleteIdle = `DELETE FROM inbox_lane WHERE (SELECT d.id FROM inbox_delivery AS d @delivery_in_lane
WHERE d.state = 'pending' AND d.in_lane = 1 AND d.lane_key = inbox_lane.lane_key ORDER BY d.id LIMIT 1) IS NULL AND lane_key IN (*)`
	freeLanes = `UPDATE inbox_lane SET owner = '', claim = 0, due_at = ? WHERE lane_key IN (*)`
)

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

// settle records the settlements, and reports whether a lane has more deliveries to hand out now.
func settle(tx Tx, request inbox.SettleRequest) (due bool, err error) {
	// Lock the lanes first, as all transactions do: until this one commits, no other puts deliveries into them.
	held, err := lockClaimed(tx, selectClaims+" @lock", request.Claims)
	if err != nil {
		return false, err
	}
	waits, err := retry(tx, request, held)
	if err != nil {
		return false, err
	}
	ends := map[inbox.Settlement][]string{} // IDs by state and reason
	seen := map[string]bool{}
	for _, one := range request.Settlements {
		if one.IsEnd() && !seen[one.ID] {
			seen[one.ID] = true
			e := inbox.Settlement{State: one.State, Reason: one.Reason}
			ends[e] = append(ends[e], one.ID)
		}
	}
	for e, ids := range ends {
		if _, err := tx.ExecList(endAll, ids, string(e.State), e.Reason, micros(request.Now), string(e.State)); err != nil {
			return false, err
		}
	}
	byTime := map[int64][]int64{}
	for _, lane := range held {
		at := cmp.Or(waits[lane], micros(request.Now))
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
		// A caller that only released the lane knows that it is due.
		due = due || len(ends) > 0 && at <= micros(request.Now)
		if _, err := tx.ExecList(freeLanes, lanes, at); err != nil {
			return false, err
		}
	}
	return due, nil
}

// lockClaimed locks the lanes that exist, and returns those whose claims have these numbers.
func lockClaimed(tx Tx, query string, claims map[string]int64) (held []int64, err error) {
	numbers := make(map[int64]int64, len(claims))
	for lane, number := range claims {
		numbers[laneKey(lane)] = number
	}
	err = tx.EachList(query, func(row Row) error {
		var lane, number int64
		err := row.Scan(&lane, &number)
		if number != 0 && number == numbers[lane] {
			held = append(held, lane)
		}
		return err
	}, slices.Collect(maps.Keys(numbers)))
	return held, err
}

// retry records the retries in the lanes of held, and returns when each lane with a retry is due again.
func retry(tx Tx, request inbox.SettleRequest, held []int64) (waits map[int64]int64, err error) {
	retries := slices.DeleteFunc(slices.Clone(request.Settlements), func(one inbox.Settlement) bool { return one.IsEnd() || one.DueAt.IsZero() })
	ids := make([]string, len(retries))
	for i, one := range retries {
		ids[i] = one.ID
	}
	places := make(map[string]int64, len(ids))
	if err := tx.EachList(selectPlaces, gather(places), ids); err != nil {
		return nil, err
	}
	waits = map[int64]int64{}
	var args [][]any
	for _, one := range retries {
		if lane, known := places[one.ID]; known && slices.Contains(held, lane) {
			args = append(args, []any{one.Reason, one.Counted, !one.UnmatchedSince.IsZero(), micros(one.UnmatchedSince), one.ID})
			waits[lane] = cmp.Or(waits[lane], min(micros(one.DueAt), micros(request.Now.Add(inbox.MaxWait))))
		}
	}
	return waits, tx.Repeat(retryOne, args, nil)
}
