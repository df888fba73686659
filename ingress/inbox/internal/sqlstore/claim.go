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

func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, s.db.Wrap(ctx, "claim", err)
	}
	// If the context ends, the transaction may still be writing these: don't read them after an error.
	var lanes []inbox.Lane
	more := false
	err := s.write(ctx, "claim", true, func(tx Tx) (err error) {
		lanes, more, err = claim(tx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	if more {
		s.signalWake()
	}
	return lanes, nil
}

// claim also reports whether more may be due than it hands out.
func claim(tx Tx, request inbox.ClaimRequest) (claimed []inbox.Lane, more bool, err error) {
	due, more, err := fillAndSelect(tx, request)
	more = more || len(due) == request.MaxLanes
	if err == nil && !tx.Skip && more {
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
	byLane := make(map[int64][]int64, len(due)) // sequences
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
				room, more = 0, true
				break
			}
			room -= size
			sequences = append(sequences, sequence)
		}
		if byLane[lane] = sequences[first:]; len(byLane[lane]) > 0 {
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
		var d inbox.Delivery
		err := scanDelivery(row, &d, &sequence, &d.Body)
		found[sequence] = d
		return err
	}, sequences)
	for _, key := range taken {
		lane := inbox.Lane{Name: found[byLane[key][0]].Lane, Claim: number}
		for _, sequence := range byLane[key] {
			// If two lanes have the same lane_key, the deliveries of the other lane wait for the next claim.
			if d := found[sequence]; d.Lane == lane.Name {
				lane.Deliveries = append(lane.Deliveries, d)
			}
		}
		claimed = append(claimed, lane)
	}
	return claimed, more, err
}

// fillAndSelect puts arrived deliveries into lanes and returns the lanes that are due, the longest due first. Those that wait delay no others.
func fillAndSelect(tx Tx, request inbox.ClaimRequest) (due []int64, more bool, err error) {
	for range 8 {
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
	selectArrived = `SELECT id, sequence, lane_key, received_at FROM inbox_delivery @delivery_arrived WHERE state = 'pending' AND in_lane = 0 AND id > ? ORDER BY id LIMIT ?`
	lockLanes     = `SELECT lane_key, due_at FROM inbox_lane WHERE lane_key IN (*) @skip`
	lockArrived   = `SELECT sequence, lane_key FROM inbox_delivery WHERE sequence IN (*) @skip`
	putInLane     = `UPDATE inbox_delivery SET in_lane = 1 WHERE state = 'pending' AND in_lane = 0 AND sequence IN (*)`
)

// A lane that is there keeps its due_at: what arrives does not shorten the wait of a retry.
var insertLanes = Insert{Table: "inbox_lane (lane_key, due_at)", Types: []string{"bigint", "bigint"}, Tail: "ON CONFLICT DO NOTHING RETURNING lane_key, due_at"}

// fillLanes puts arrived deliveries into their lanes, the oldest first. Append leaves this to Claim, so that a backlog does not slow it down.
//
// It locks the lanes, so that no other transaction deletes one as empty, or puts a later delivery there first. It leaves out lanes that are locked
// already, and with Skip also lanes of which a delivery is locked: no later one may go before it. While it finds no others, it reads on behind
// them. It reports whether more may have arrived, but false if there are only lanes to leave out.
func fillLanes(tx Tx, now time.Time, most int) (more bool, err error) {
	left, last := map[int64]bool{}, ""
	for page := most; ; page = min(4*page, 64*most) {
		arrived, due, read := map[int64]int64{}, map[int64]int64{}, 0 // lanes by sequence, times by lane
		err := tx.Each(selectArrived, func(row Row) error {
			var sequence, lane, received int64
			err := row.Scan(&last, &sequence, &lane, &received)
			if read++; !left[lane] {
				arrived[sequence], due[lane] = lane, min(received, cmp.Or(due[lane], micros(now)))
			}
			return err
		}, last, page)
		if tx.Skip && err == nil {
			free := map[int64]int64{}
			err = tx.EachList(lockArrived, gather(free), slices.Sorted(maps.Keys(arrived)))
			for sequence, lane := range arrived {
				if free[sequence] != lane {
					delete(due, lane)
				}
			}
		}
		held, lanes := map[int64]int64{}, slices.Sorted(maps.Keys(due))
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
		if err != nil || len(filled) > 0 || read < page {
			return len(filled) > 0 && read == page, err
		}
		for _, lane := range arrived {
			left[lane] = true
		}
	}
}

const (
	selectShort = `SELECT l.lane_key FROM inbox_lane AS l WHERE (SELECT 1 FROM inbox_delivery AS d @delivery_unique
 WHERE d.lane_key = l.lane_key LIMIT 1 OFFSET ?) IS NULL AND l.lane_key IN (*)`
	// "in_lane + 0" keeps the database from using the index of arrived deliveries: it would read all of them.
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
