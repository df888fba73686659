package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// Replay implements inbox.Store.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	j := &job{}
	var again entry
	j.work = func(t *tx) (err error) {
		again, j.refusal, err = t.replay(id, now)
		return err
	}
	j.committed = func() {
		if j.refusal != nil {
			return
		}
		s.scheduleAgain(again)
		s.signalWake()
	}
	if err := s.queue.Do(ctx, j, 0); err != nil {
		return fmt.Errorf("sqlite inbox: replay: %w", err)
	}
	return nil
}

// scheduleAgain notes what was replayed. What the schedule has not come to yet it will find pending in
// its turn; noted now, it would be handed out before what is ahead of it in its lane.
func (s *Store) scheduleAgain(again entry) {
	s.claiming.Lock()
	defer s.claiming.Unlock()
	if again.sequence <= s.takenIn {
		s.schedule.add(again)
	}
}

func (t *tx) replay(id string, now time.Time) (again entry, refusal, err error) {
	var lane string
	var state inbox.State
	var size sql.NullInt64
	found, err := t.queryRow(`SELECT sequence, lane_hash, lane, state, length(body)
FROM delivery LEFT JOIN body USING (sequence) WHERE id = ?`, []any{id}, &again.sequence, &again.lane, &lane, &state, &size)
	switch {
	case err != nil:
		return entry{}, nil, err
	case !found:
		return entry{}, inbox.ErrNotFound, nil
	case lane == "":
		return entry{}, fmt.Errorf("%w: it has no lane", inbox.ErrNotReplayable), nil
	case !size.Valid:
		return entry{}, fmt.Errorf("%w: its body is past its retention", inbox.ErrNotReplayable), nil
	}
	again.dueAt, again.size = cell.Micros(now), size.Int64
	t.move(state, inbox.StatePending)
	_, err = t.exec("UPDATE delivery SET state = 'pending', reason = '', attempts = 0, due_at = ?, settled_at = 0 WHERE sequence = ?",
		again.dueAt, again.sequence)
	return again, nil, err
}
