package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/room"
)

const (
	// intake is how many pending deliveries are read into the schedule at a time.
	intake = 1000
	// lookahead is how many lanes wait in memory before no more are read ahead of need: a backlog
	// of any size stays in the table.
	lookahead = 5000
)

const (
	// The length of a body is in its row's header: no body is read for it.
	selectPendingAfter = `SELECT sequence, lane_hash, due_at, length(body) FROM delivery JOIN body USING (sequence)
WHERE state = 'pending' AND sequence > ? ORDER BY sequence LIMIT ?`
	selectPending = `SELECT ` + columns + `, body FROM delivery JOIN body USING (sequence)
WHERE sequence IN (SELECT value FROM json_each(?)) AND state = 'pending'`
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite inbox: claim: %w", err)
	}
	s.claiming.Lock()
	defer s.claiming.Unlock()
	taken, err := s.take(ctx, request)
	if err == nil {
		var lanes []inbox.Lane
		if lanes, err = s.read(ctx, request, taken); err == nil {
			return lanes, nil
		}
	}
	for _, entries := range taken {
		for _, e := range entries {
			s.schedule.release(request.Owner, e.lane, e.sequence, request.Now)
		}
	}
	return nil, fmt.Errorf("sqlite inbox: claim: %w", s.reads.failure(ctx, err))
}

// take claims lanes in the schedule, filling it from the table as far as needed. Sequences only
// grow and one goroutine commits them, so nothing below the last one read can turn up later;
// what Replay brings back from there, it adds itself.
func (s *Store) take(ctx context.Context, request inbox.ClaimRequest) (taken [][]entry, err error) {
	more := true
	if s.schedule.size() < lookahead {
		if more, err = s.takeIn(ctx); err != nil {
			return nil, err
		}
	}
	left := room.Of(request)
	for {
		taken = append(taken, s.schedule.take(request.Owner, request.Now, request.Lease, left)...)
		if !left.Left() || !more {
			return taken, nil
		}
		if more, err = s.takeIn(ctx); err != nil {
			return taken, err
		}
	}
}

// takeIn reads the next pending deliveries into the schedule and says whether there may be more.
func (s *Store) takeIn(ctx context.Context) (bool, error) {
	entries, err := s.reads.pendingAfter(ctx, s.takenIn)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		s.schedule.add(e)
		s.takenIn = e.sequence
	}
	return len(entries) == intake, nil
}

// read turns entries into lanes. What is no longer pending was settled without a claim.
func (s *Store) read(ctx context.Context, request inbox.ClaimRequest, taken [][]entry) ([]inbox.Lane, error) {
	if len(taken) == 0 {
		return nil, nil
	}
	found, err := s.reads.pendingWithBodies(ctx, taken)
	if err != nil {
		return nil, err
	}
	lanes := make([]inbox.Lane, 0, len(taken))
	for _, entries := range taken {
		var lane inbox.Lane
		for _, e := range entries {
			d, pending := found[e.sequence]
			switch {
			case !pending:
				s.schedule.end(e.lane, e.sequence, request.Now)
			case lane.Name == "" || lane.Name == d.Lane:
				lane.Name, lane.Deliveries = d.Lane, append(lane.Deliveries, d.Delivery)
			default:
				// Another lane of the same hash: its turn comes with the next claim.
				s.schedule.release(request.Owner, e.lane, e.sequence, request.Now)
			}
		}
		if len(lane.Deliveries) > 0 {
			lanes = append(lanes, lane)
		}
	}
	return lanes, nil
}

func (r *reader) pendingAfter(ctx context.Context, sequence int64) ([]entry, error) {
	rows, err := r.db.QueryContext(ctx, selectPendingAfter, sequence, intake)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (e entry, err error) { return e, rows.Scan(&e.sequence, &e.lane, &e.dueAt, &e.size) })
}

func (r *reader) pendingWithBodies(ctx context.Context, taken [][]entry) (map[int64]stored, error) {
	var sequences []int64
	for _, entries := range taken {
		for _, e := range entries {
			sequences = append(sequences, e.sequence)
		}
	}
	list, err := json.Marshal(sequences)
	if err != nil {
		return nil, fmt.Errorf("list sequences: %w", err)
	}
	rows, err := r.db.QueryContext(ctx, selectPending, string(list))
	if err != nil {
		return nil, err
	}
	found := make(map[int64]stored, len(sequences))
	_, err = collect(rows, func() (d stored, err error) {
		var body []byte
		d, err = scan(rows, &body)
		d.Body = body
		found[d.sequence] = d
		return d, err
	})
	return found, err
}

// laneHash is the schedule's and the index's name of a lane.
func laneHash(lane string) int64 { return hash.Lane(lane) }
