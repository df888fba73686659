package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// Replay implements inbox.Store.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	err := s.transact(ctx, func(ctx context.Context, t *tx) error { return t.replay(ctx, id, cell.Micros(now)) })
	if err != nil {
		return wrap("replay", err)
	}
	s.waking.signal()
	return nil
}

const (
	selectPlace = `SELECT d.sequence, d.lane_key, d.lane FROM signalbox_delivery d WHERE d.id = $1`
	// wantLane makes the lane due, or if it is claimed, due after the claim.
	wantLane = `INSERT INTO signalbox_lane AS l (lane_key, due_at) VALUES ($1, $2) ON CONFLICT (lane_key) DO UPDATE SET arrived = l.owner <> '',
due_at = CASE WHEN l.owner = '' THEN least(l.due_at, excluded.due_at) ELSE l.due_at END`
	lockState = `SELECT d.state FROM signalbox_delivery d WHERE d.sequence = $1 FOR NO KEY UPDATE`
	// lockBody keeps a purge from taking the body of what is becoming pending.
	lockBody = `SELECT b.sequence FROM signalbox_body b WHERE b.sequence = $1 FOR SHARE`
	revive   = `UPDATE signalbox_delivery SET state = 'pending', reason = '', attempts = 0, due_at = $2, settled_at = 0 WHERE sequence = $1`
)

func (t *tx) replay(ctx context.Context, id string, now int64) error {
	var at place
	var lane string
	t.queue(selectPlace, escape(id)).QueryRow(func(one pgx.Row) error { return one.Scan(&at.sequence, &at.lane, &lane) })
	if err := t.send(ctx); err != nil {
		return orNotFound(err)
	}
	if lane == "" {
		return fmt.Errorf("%w: it has no lane", inbox.ErrNotReplayable)
	}
	var state inbox.State
	hasBody := false
	t.queue(wantLane, at.lane, now)
	t.queue(lockState, at.sequence).QueryRow(func(one pgx.Row) error { return one.Scan(&state) })
	t.queue(lockBody, at.sequence).Query(func(rows pgx.Rows) error {
		return each(rows, func(pgx.Row) error {
			hasBody = true
			return nil
		})
	})
	if err := t.send(ctx); err != nil {
		return orNotFound(err)
	}
	if !hasBody {
		return fmt.Errorf("%w: its body is past its retention", inbox.ErrNotReplayable)
	}
	t.move(state, inbox.StatePending)
	t.queue(revive, at.sequence, now)
	return nil
}

func orNotFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return inbox.ErrNotFound
	}
	return err
}
