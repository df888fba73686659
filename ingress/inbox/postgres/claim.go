package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/room"
)

const (
	// selectDue locks the lanes that are longest due and that nobody else is busy with, and waits for none.
	selectDue = `SELECT lane_key FROM signalbox_lane WHERE greatest(due_at, lease_until) <= $1
ORDER BY greatest(due_at, lease_until) LIMIT $2 FOR UPDATE SKIP LOCKED`
	// selectCandidates comes after it as a statement of its own, and so sees all that was committed before the locks were taken. The length of a
	// body is known without reading it.
	selectCandidates = `SELECT l.place, head.sequence, coalesce(octet_length(b.body), 0) FROM unnest($1::uuid[]) WITH ORDINALITY AS l(lane_key, place)
CROSS JOIN LATERAL (SELECT d.sequence FROM signalbox_delivery d WHERE d.lane_key = l.lane_key AND d.state = 'pending' ORDER BY d.sequence LIMIT $2) AS head
LEFT JOIN signalbox_body b ON b.sequence = head.sequence ORDER BY l.place, head.sequence`
	handOut = `UPDATE signalbox_lane AS l SET owner = $3, lease_until = $4, retry_at = 0, arrived = false, ended = false, handed_out = taken.sequences
FROM (SELECT t.lane_key, array_agg(t.sequence ORDER BY t.sequence) AS sequences FROM unnest($1::uuid[], $2::bigint[]) AS t(lane_key, sequence)
    GROUP BY t.lane_key) AS taken
WHERE l.lane_key = taken.lane_key`
	selectHandedOut = `SELECT l.lane_key, ` + columns + `, b.body FROM signalbox_lane l CROSS JOIN LATERAL unnest(l.handed_out) AS h(sequence)
JOIN signalbox_delivery d ON d.sequence = h.sequence LEFT JOIN signalbox_body b ON b.sequence = h.sequence
WHERE l.lane_key = ANY($1) ORDER BY l.lane_key, h.sequence`
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, wrap("claim", err)
	}
	for {
		var claimed []inbox.Lane
		var due int
		err := s.transact(ctx, func(ctx context.Context, t *tx) (err error) {
			claimed, due, err = t.claim(ctx, request)
			return err
		})
		if err != nil {
			return nil, wrap("claim", err)
		}
		if len(claimed) > 0 || due < request.MaxLanes {
			return claimed, nil
		}
	}
}

// claim returns lanes and how many seemed due: more than were handed out where some had nothing pending.
func (t *tx) claim(ctx context.Context, request inbox.ClaimRequest) (claimed []inbox.Lane, due int, err error) {
	var keys []key
	t.queue(selectDue, cell.Micros(request.Now), request.MaxLanes).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var lane key
			err := one.Scan(&lane)
			keys = append(keys, lane)
			return err
		})
	})
	if err := t.send(ctx); err != nil || len(keys) == 0 {
		return nil, 0, err
	}
	candidates, err := t.candidates(ctx, keys, request.MaxPerLane)
	if err != nil {
		return nil, 0, err
	}
	var idle, lanes []key // lanes has one entry for each of the sequences
	var sequences []int64
	for left, i := room.Of(request), 0; i < len(keys) && left.Left(); i++ {
		if len(candidates[i]) == 0 {
			idle = append(idle, keys[i])
			continue
		}
		for _, one := range candidates[i][:left.Take(len(candidates[i]), func(n int) int64 { return candidates[i][n].size })] {
			lanes, sequences = append(lanes, keys[i]), append(sequences, one.sequence)
		}
	}
	if len(idle) > 0 {
		t.queue(deleteLanes, idle)
	}
	claimed, err = t.handOut(ctx, request, lanes, sequences)
	return claimed, len(keys), err
}

// candidate is one of the first pending deliveries of a lane, and the size of its body.
type candidate struct{ sequence, size int64 }

// candidates returns each lane's.
func (t *tx) candidates(ctx context.Context, lanes []key, perLane int) ([][]candidate, error) {
	all := make([][]candidate, len(lanes))
	t.queue(selectCandidates, lanes, perLane).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var place int
			var c candidate
			err := one.Scan(&place, &c.sequence, &c.size)
			if err == nil {
				all[place-1] = append(all[place-1], c)
			}
			return err
		})
	})
	return all, t.send(ctx)
}

// handOut claims the deliveries, each given with its lane, and reads them; lanes stay in their order.
func (t *tx) handOut(ctx context.Context, request inbox.ClaimRequest, lanes []key, sequences []int64) ([]inbox.Lane, error) {
	if len(lanes) == 0 {
		return nil, t.send(ctx)
	}
	t.queue(handOut, lanes, sequences, escape(request.Owner), cell.Micros(request.Now.Add(request.Lease)))
	lanes = slices.Compact(slices.Clone(lanes)) // the statement still refers to the other
	claimed, places := make([]inbox.Lane, len(lanes)), make(map[key]int, len(lanes))
	for i, lane := range lanes {
		places[lane] = i
	}
	t.queue(selectHandedOut, lanes).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var lane key
			var body []byte
			d, err := scan(withFirst{one, &lane}, &body)
			if err != nil {
				return err
			}
			d.Body = body
			to := &claimed[places[lane]]
			to.Name, to.Deliveries = d.Lane, append(to.Deliveries, d.Delivery)
			return nil
		})
	})
	return claimed, t.send(ctx)
}

// withFirst scans a column in front of the others.
type withFirst struct {
	pgx.Row
	first any
}

func (w withFirst) Scan(dest ...any) error { return w.Row.Scan(append([]any{w.first}, dest...)...) }
