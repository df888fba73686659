package sqlstore

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	selectDue = `SELECT lane_key FROM inbox_lane WHERE due_at <= ? ORDER BY due_at LIMIT ? @skip`
	// A lane that has to wait longer than MaxWait got its time from a clock that was ahead.
	selectAhead = `SELECT lane_key FROM inbox_lane WHERE due_at > ? ORDER BY due_at LIMIT ? @skip`
	// The sequences and sizes of a lane's first deliveries are one text, in the order of the subquery. Such a subquery is run lane by
	// lane; PostgreSQL may turn a join into one that reads the deliveries of all lanes.
	selectHeads = `SELECT l.lane_key, coalesce((SELECT string_agg(head, ' ') FROM (SELECT d.sequence || ' ' || coalesce(length(b.body), 0) AS head
 FROM inbox_delivery AS d @delivery_in_lane LEFT JOIN inbox_body AS b ON b.sequence = d.sequence
 WHERE d.lane_key = l.lane_key AND d.state = 'pending' AND d.in_lane = 1 ORDER BY d.id LIMIT ?) AS heads), '')
FROM inbox_lane AS l WHERE l.lane_key IN (*)`
	selectClaimed = `SELECT ` + columns + `, d.sequence, b.body FROM inbox_delivery AS d LEFT JOIN inbox_body AS b ON b.sequence = d.sequence WHERE d.sequence IN (*)`
	deleteLanes   = `DELETE FROM inbox_lane WHERE lane_key IN (*)`
	claimLanes    = `UPDATE inbox_lane SET owner = ?, claim = ?, due_at = ? WHERE lane_key IN (*)`
	renewLanes    = `UPDATE inbox_lane SET due_at = ? WHERE due_at < ? AND lane_key IN (*)`
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, s.db.Wrap(ctx, "claim", err)
	}
	// Where the caller gives up, the transaction may still be setting these.
	var lanes []inbox.Lane
	more := false
	err := s.write(ctx, "claim", true, func(tx Tx) (err error) {
		lanes, more, err = claim(tx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	if more && len(lanes) == 0 {
		s.signalWake()
	}
	return lanes, nil
}

// claim also says whether more has arrived than it has looked at.
func claim(tx Tx, request inbox.ClaimRequest) (claimed []inbox.Lane, more bool, err error) {
	due, more, err := fillAndSelect(tx, request)
	if err == nil && !tx.Skip && (more || len(due) == request.MaxLanes) {
		err = completeLanes(tx, due)
	}
	if err != nil {
		return nil, false, err
	}
	heads := make(map[int64]string, len(due))
	if err := tx.EachList(selectHeads, gather(heads), due, request.MaxPerLane); err != nil {
		return nil, false, err
	}
	var taken, idle, sequences []int64
	parts := make(map[int64][]int64, len(due)) // of sequences, by lane
	room := cmp.Or(request.MaxBytes, inbox.DefaultClaimBytes)
	for _, lane := range due {
		if heads[lane] == "" {
			idle = append(idle, lane)
			continue
		}
		first := len(sequences)
		for pair := range slices.Chunk(strings.Fields(heads[lane]), 2) {
			sequence, _ := strconv.ParseInt(pair[0], 10, 64)
			size, _ := strconv.ParseInt(pair[1], 10, 64)
			if len(sequences) > 0 && size > room {
				// Later deliveries that are smaller must not overtake this one.
				room = 0
				break
			}
			room -= size
			sequences = append(sequences, sequence)
		}
		if parts[lane] = sequences[first:]; len(parts[lane]) > 0 {
			taken = append(taken, lane)
		}
	}
	if _, err := tx.ExecList(deleteLanes, idle); err != nil {
		return nil, false, err
	}
	number := 1 + rand.Int64N(math.MaxInt64)
	if _, err := tx.ExecList(claimLanes, taken, request.Owner, number, micros(request.Now.Add(request.Lease))); err != nil {
		return nil, false, err
	}
	found := make(map[int64]inbox.Delivery, len(sequences))
	err = tx.EachList(selectClaimed, func(row Row) error {
		var sequence int64
		var body []byte
		d, err := scanDelivery(row, &sequence, &body)
		d.Body = body
		found[sequence] = d
		return err
	}, sequences)
	for _, lane := range taken {
		claimed = append(claimed, laneOf(number, parts[lane], found))
	}
	return claimed, more, err
}

// laneOf is the lane of the first delivery. Where two lanes have one hash, those of the other wait for the next claim.
func laneOf(claim int64, sequences []int64, found map[int64]inbox.Delivery) inbox.Lane {
	lane := inbox.Lane{Name: found[sequences[0]].Lane, Claim: claim}
	for _, sequence := range sequences {
		if d := found[sequence]; d.Lane == lane.Name {
			lane.Deliveries = append(lane.Deliveries, d)
		}
	}
	return lane
}

// fillAndSelect puts arrived deliveries into their lanes and returns the lanes that are due, the longest due first. If all of these deliveries
// belong to lanes that wait, it continues with more, so that they don't delay other lanes.
func fillAndSelect(tx Tx, request inbox.ClaimRequest) (due []int64, more bool, err error) {
	const rounds = 8
	for range rounds {
		if more, err = fillLanes(tx, request.Now, 2*request.MaxLanes); err == nil {
			err = tx.Each(selectDue, collect(&due), micros(request.Now), request.MaxLanes)
		}
		if left := request.MaxLanes - len(due); err == nil && left > 0 {
			err = tx.Each(selectAhead, collect(&due), micros(request.Now.Add(inbox.MaxWait)), left)
		}
		if err != nil || len(due) > 0 || !more {
			break
		}
	}
	return due, more, err
}

const (
	selectArrived = `SELECT sequence, lane_key, received_at FROM inbox_delivery @delivery_arrived WHERE state = 'pending' AND in_lane = 0
ORDER BY id LIMIT ?`
	lockLanes   = `SELECT lane_key, due_at FROM inbox_lane WHERE lane_key IN (*) @skip`
	lockArrived = `SELECT sequence, lane_key FROM inbox_delivery WHERE sequence IN (*) @skip`
	putInLane   = `UPDATE inbox_delivery SET in_lane = 1 WHERE state = 'pending' AND in_lane = 0 AND sequence IN (*)`
)

var insertLanes = Insert{Table: "inbox_lane (lane_key, due_at)", Types: []string{"bigint", "bigint"}, Tail: "ON CONFLICT DO NOTHING RETURNING lane_key, due_at"}

// fillLanes puts arrived deliveries into their lanes, the oldest first. An append does not, so that it is as fast with a backlog.
//
// It locks the lanes, so that no other transaction deletes one as empty, or puts a later delivery there first. Lanes that are locked already are left
// for later, and with Skip also those with a delivery that is locked: no later one may come before it. If there are no others, it reads again,
// four times as many. It says whether more may have arrived.
func fillLanes(tx Tx, now time.Time, most int) (more bool, err error) {
	for range 4 {
		arrived, due := map[int64]int64{}, map[int64]int64{} // lanes by sequence, times by lane
		err := tx.Each(selectArrived, func(row Row) error {
			var sequence, lane, received int64
			err := row.Scan(&sequence, &lane, &received)
			arrived[sequence], due[lane] = lane, min(received, cmp.Or(due[lane], micros(now)))
			return err
		}, most)
		read := len(arrived)
		if tx.Skip && err == nil {
			free := map[int64]int64{}
			err = tx.EachList(lockArrived, gather(free), slices.Sorted(maps.Keys(arrived)))
			for sequence, lane := range arrived {
				if free[sequence] != lane {
					delete(due, lane)
				}
			}
		}
		held := map[int64]int64{}
		lanes := slices.Sorted(maps.Keys(due))
		if err == nil {
			err = tx.EachList(lockLanes, gather(held), lanes)
		}
		var args []any
		for _, lane := range lanes {
			if _, there := held[lane]; !there {
				args = append(args, lane, due[lane])
			}
		}
		if err == nil {
			err = tx.Insert(insertLanes, args, gather(held))
		}
		var filled []int64
		for sequence, lane := range arrived {
			if _, ours := held[lane]; ours {
				filled = append(filled, sequence)
			}
		}
		if err == nil {
			_, err = tx.ExecList(putInLane, filled)
		}
		if err != nil || len(filled) > 0 || read < most {
			return read == most, err
		}
		most *= 4
	}
	return false, nil
}

const (
	selectShort = `SELECT l.lane_key FROM inbox_lane AS l WHERE (SELECT 1 FROM inbox_delivery AS d @delivery_unique
 WHERE d.lane_key = l.lane_key LIMIT 1 OFFSET ?) IS NULL AND l.lane_key IN (*)`
	// Written as an expression, in_lane can't make the database read all that has arrived.
	putAll = `UPDATE inbox_delivery @delivery_unique SET in_lane = 1 WHERE state = 'pending' AND in_lane + 0 = 0 AND lane_key IN (*)`
	// shortLane is the most rows of a lane, in any state, that completeLanes searches.
	shortLane = 1000
)

// completeLanes puts all arrived deliveries of short lanes into them, so that a backlog needs few signals. Later claims fill the other lanes.
func completeLanes(tx Tx, lanes []int64) error {
	var short []int64
	err := tx.EachList(selectShort, collect(&short), lanes, shortLane)
	if err == nil {
		_, err = tx.ExecList(putAll, short)
	}
	return err
}

// Renew implements inbox.Store.
func (s *Store) Renew(ctx context.Context, request inbox.RenewRequest) (renewed []string, err error) {
	var held []int64
	err = s.write(ctx, "renew", true, func(tx Tx) (err error) {
		if held, err = lockClaimed(tx, selectClaims+" @try", request.Claims); err == nil {
			_, err = tx.ExecList(renewLanes, held, micros(request.Until), micros(request.Until))
		}
		return err
	})
	for lane := range request.Claims {
		if err == nil && slices.Contains(held, laneKey(lane)) {
			renewed = append(renewed, lane)
		}
	}
	return renewed, err
}

const (
	selectClaims = `SELECT lane_key, claim FROM inbox_lane WHERE lane_key IN (*) ORDER BY lane_key`
	selectPlaces = `SELECT id, lane_key FROM inbox_delivery WHERE id IN (*)`
	endAll       = `UPDATE inbox_delivery SET state = ?, reason = ?, settled_at = ? WHERE (state IN ('pending', 'quarantined') OR state = 'dead' AND lane = '') AND id IN (*)`
	retryOne     = `UPDATE inbox_delivery SET reason = ?, attempts = attempts + ?,
unmatched_since = CASE unmatched_since WHEN 0 THEN ? ELSE unmatched_since END WHERE state = 'pending' AND id = ?`
	// Lanes without pending deliveries are deleted, the others are freed. A subquery of one row is run lane by lane; PostgreSQL would turn
	// NOT EXISTS into a join that reads the deliveries of all lanes.
	deleteIdle = `DELETE FROM inbox_lane WHERE (SELECT d.id FROM inbox_delivery AS d @delivery_in_lane
WHERE d.state = 'pending' AND d.in_lane = 1 AND d.lane_key = inbox_lane.lane_key ORDER BY d.id LIMIT 1) IS NULL AND lane_key IN (*)`
	freeLanes = `UPDATE inbox_lane SET owner = '', claim = 0, due_at = ? WHERE lane_key IN (*)`
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

// settle records the settlements, and says whether a lane has more deliveries to hand out now.
func settle(tx Tx, request inbox.SettleRequest) (due bool, err error) {
	// Locked first: what is appended to the lanes from now on is appended after this.
	held, err := lockClaimed(tx, selectClaims+" @lock", request.Claims)
	if err != nil {
		return false, err
	}
	waits, err := retry(tx, request, held)
	if err != nil {
		return false, err
	}
	type end struct{ state, reason string }
	ends := map[end][]string{}
	seen := map[string]bool{}
	for _, one := range request.Settlements {
		if one.IsEnd() && !seen[one.ID] {
			seen[one.ID] = true
			e := end{string(one.State), one.Reason}
			ends[e] = append(ends[e], one.ID)
		}
	}
	for e, ids := range ends {
		if _, err := tx.ExecList(endAll, ids, e.state, e.reason, micros(request.Now)); err != nil {
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

// lockClaimed locks those of the lanes that there are, and returns those whose claims have these numbers.
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

// retry records the retries in lanes that are held, and returns until when each of these lanes waits.
func retry(tx Tx, request inbox.SettleRequest, held []int64) (waits map[int64]int64, err error) {
	retries := slices.DeleteFunc(slices.Clone(request.Settlements), func(one inbox.Settlement) bool { return one.IsEnd() || one.DueAt.IsZero() })
	ids := make([]string, len(retries))
	for i, one := range retries {
		ids[i] = one.ID
	}
	places := make(map[string]int64, len(ids))
	err = tx.EachList(selectPlaces, gather(places), ids)
	waits = map[int64]int64{}
	for _, one := range retries {
		lane, known := places[one.ID]
		if err != nil || !known || !slices.Contains(held, lane) {
			continue
		}
		counted := 0
		if one.Counted {
			counted = 1
		}
		var n int64
		n, err = tx.Exec(retryOne, one.Reason, counted, micros(one.UnmatchedSince), one.ID)
		if waits[lane] == 0 && n > 0 {
			waits[lane] = min(micros(one.DueAt), micros(request.Now.Add(inbox.MaxWait)))
		}
	}
	return waits, err
}
