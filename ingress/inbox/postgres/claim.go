package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	// selectDue locks the lanes that are longest due and that nobody else is busy with, and waits for none.
	selectDue = `SELECT lane_key FROM signalbox_lane WHERE greatest(due_at, lease_until) <= $1
ORDER BY greatest(due_at, lease_until) LIMIT $2 FOR UPDATE SKIP LOCKED`
	// handOut comes after it as a statement of its own, and so sees all that was committed before the locks were taken.
	handOut = `UPDATE signalbox_lane AS l SET owner = $2, lease_until = $3, retry_at = 0, arrived = false, ended = false,
handed_out = coalesce((SELECT array_agg(head.sequence ORDER BY head.sequence) FROM (
    SELECT d.sequence FROM signalbox_delivery d WHERE d.lane_key = l.lane_key AND d.state = 'pending' ORDER BY d.sequence LIMIT $4) AS head), '{}')
WHERE l.lane_key = ANY($1)`
	selectHandedOut = `SELECT l.lane_key, ` + columns + `, b.body FROM signalbox_lane l CROSS JOIN LATERAL unnest(l.handed_out) AS h(sequence)
JOIN signalbox_delivery d ON d.sequence = h.sequence LEFT JOIN signalbox_body b ON b.sequence = h.sequence
WHERE l.lane_key = ANY($1) ORDER BY l.lane_key, h.sequence`
	// deleteIdle removes lanes that turned out to have nothing pending.
	deleteIdle = `DELETE FROM signalbox_lane WHERE lane_key = ANY($1) AND handed_out = '{}'`
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
	t.queue(selectDue, micros(request.Now), request.MaxLanes).Query(func(rows pgx.Rows) error {
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
	found := make(map[key]*inbox.Lane, len(keys))
	t.queue(handOut, keys, escape(request.Owner), micros(request.Now.Add(request.Lease)), request.MaxPerLane)
	t.queue(selectHandedOut, keys).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var lane key
			var body []byte
			d, err := scan(withFirst{one, &lane}, &body)
			if err != nil {
				return err
			}
			d.Body = body
			if found[lane] == nil {
				found[lane] = &inbox.Lane{Name: d.Lane}
			}
			found[lane].Deliveries = append(found[lane].Deliveries, d.Delivery)
			return nil
		})
	})
	if err := t.send(ctx); err != nil {
		return nil, 0, err
	}
	for _, lane := range keys {
		if one, pending := found[lane]; pending {
			claimed = append(claimed, *one)
		}
	}
	if len(claimed) < len(keys) {
		t.queue(deleteIdle, keys)
	}
	return claimed, len(keys), nil
}

// withFirst scans a column in front of the others.
type withFirst struct {
	pgx.Row
	first any
}

func (w withFirst) Scan(dest ...any) error { return w.Row.Scan(append([]any{w.first}, dest...)...) }
