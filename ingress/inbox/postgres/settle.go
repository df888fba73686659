package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// Settle implements inbox.Store.
func (s *Store) Settle(ctx context.Context, request inbox.SettleRequest) error {
	if err := request.Validate(); err != nil {
		return wrap("settle", err)
	}
	if len(request.Settlements) == 0 {
		return nil
	}
	due := false
	err := s.transact(ctx, func(ctx context.Context, t *tx) (err error) {
		due, err = t.settle(ctx, request)
		return err
	})
	if err != nil {
		return wrap("settle", err)
	}
	if due {
		s.waking.signal()
	}
	return nil
}

const (
	selectPlaces = `SELECT d.id, d.sequence, d.lane_key FROM signalbox_delivery d WHERE d.id = ANY($1)`
	selectLanes  = `SELECT lane_key, owner, due_at, handed_out, retry_at, arrived, ended FROM signalbox_lane WHERE lane_key = ANY($1) ORDER BY lane_key FOR UPDATE`
	endAll       = `UPDATE signalbox_delivery AS d SET state = e.state, reason = e.reason, settled_at = $4
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS e(sequence, state, reason) WHERE d.sequence = e.sequence`
	retryAll = `UPDATE signalbox_delivery AS d SET due_at = r.due_at, reason = r.reason, attempts = d.attempts + r.attempts
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[]) AS r(sequence, due_at, reason, attempts) WHERE d.sequence = r.sequence`
	selectHeads = `SELECT k.lane_key, head.due_at FROM unnest($1::uuid[]) AS k(lane_key) CROSS JOIN LATERAL (
    SELECT d.due_at FROM signalbox_delivery d WHERE d.lane_key = k.lane_key AND d.state = 'pending' ORDER BY d.sequence LIMIT 1) AS head`
)

// place is where a delivery is; neither ever changes.
type place struct {
	sequence int64
	lane     key
}

// settle applies what is to be applied, and says whether something is due now.
func (t *tx) settle(ctx context.Context, request inbox.SettleRequest) (due bool, err error) {
	places := map[string]place{}
	t.queue(selectPlaces, column(request.Settlements, func(one inbox.Settlement) string { return escape(one.ID) })).
		Query(func(rows pgx.Rows) error {
			return each(rows, func(one pgx.Row) error {
				var id string
				var at place
				err := one.Scan(&id, &at.sequence, &at.lane)
				places[unescape(id)] = at
				return err
			})
		})
	if err := t.send(ctx); err != nil {
		return false, err
	}
	lanes, states, err := t.lockPlaces(ctx, places)
	if err != nil {
		return false, err
	}
	applied := t.apply(request, places, lanes, states)
	if err := t.queueSettlements(ctx, request, applied, lanes); err != nil {
		return false, err
	}
	for _, l := range lanes {
		due = due || l.isNews(cell.Micros(request.Now))
	}
	return due, nil
}

// lockPlaces locks the lanes, then the deliveries, and reads both as they are then.
func (t *tx) lockPlaces(ctx context.Context, places map[string]place) (map[key]*claimed, map[int64]inbox.State, error) {
	lanes, states := map[key]*claimed{}, map[int64]inbox.State{}
	var keys []key
	var sequences []int64
	for _, at := range places {
		keys, sequences = append(keys, at.lane), append(sequences, at.sequence)
	}
	t.queue(selectLanes, keys).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var l claimed
			err := one.Scan(&l.lane, &l.owner, &l.dueAt, &l.open, &l.retryAt, &l.arrived, &l.ended)
			l.owner = unescape(l.owner)
			lanes[l.lane] = &l
			return err
		})
	})
	t.queue(lockDeliveries, sequences).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var sequence int64
			var state inbox.State
			err := one.Scan(&sequence, &state)
			states[sequence] = state
			return err
		})
	})
	return lanes, states, t.send(ctx)
}

// settled is a settlement that changes a delivery.
type settled struct {
	inbox.Settlement
	sequence int64
}

// apply follows each settlement in the lanes, and returns what is to be written to deliveries.
func (t *tx) apply(request inbox.SettleRequest, places map[string]place, lanes map[key]*claimed, states map[int64]inbox.State) (all []settled) {
	for _, one := range request.Settlements {
		at, known := places[one.ID]
		state, there := states[at.sequence]
		if !known || !there {
			continue
		}
		l := lanes[at.lane]
		switch {
		case one.IsEnd():
			if state == inbox.StatePending || state == inbox.StateQuarantined {
				t.move(state, one.State)
				states[at.sequence] = one.State
				all = append(all, settled{one, at.sequence})
			}
			l.end(at.sequence)
		case !l.isHeldBy(request.Owner, at.sequence):
		case one.IsRetry():
			l.retry(at.sequence, cell.Micros(one.DueAt))
			all = append(all, settled{one, at.sequence})
		default:
			l.release(at.sequence)
		}
	}
	return all
}

func (t *tx) queueSettlements(ctx context.Context, request inbox.SettleRequest, all []settled, lanes map[key]*claimed) error {
	var ends, retries []settled
	for _, one := range all {
		if one.IsEnd() {
			ends = append(ends, one)
		} else {
			retries = append(retries, one)
		}
	}
	sequence := func(one settled) int64 { return one.sequence }
	reason := func(one settled) string { return escape(one.Reason) }
	if len(ends) > 0 {
		t.queue(endAll, column(ends, sequence), column(ends, func(one settled) string { return string(one.State) }), column(ends, reason), cell.Micros(request.Now))
	}
	if len(retries) > 0 {
		t.queue(retryAll, column(retries, sequence), column(retries, func(one settled) int64 { return cell.Micros(one.DueAt) }), column(retries, reason),
			column(retries, func(one settled) int {
				if one.Counted {
					return 1
				}
				return 0
			}))
	}
	if len(lanes) == 0 {
		return nil
	}
	keys := make([]key, 0, len(lanes))
	for lane := range lanes {
		keys = append(keys, lane)
	}
	t.queue(selectHeads, keys).Query(func(rows pgx.Rows) error {
		return each(rows, func(one pgx.Row) error {
			var lane key
			var dueAt int64
			err := one.Scan(&lane, &dueAt)
			lanes[lane].head(dueAt)
			return err
		})
	})
	if err := t.send(ctx); err != nil {
		return err
	}
	t.queueClaims(lanes)
	return nil
}
