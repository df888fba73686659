package sqlite

import (
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// Settle implements inbox.Store.
func (s *Store) Settle(ctx context.Context, request inbox.SettleRequest) error {
	if err := request.Validate(); err != nil {
		return fmt.Errorf("sqlite inbox: settle: %w", err)
	}
	if len(request.Settlements) == 0 {
		return nil
	}
	var settled []settledEntry
	j := &job{
		size: pageSize * int64(len(request.Settlements)),
		work: func(t *tx) (err error) {
			settled, err = t.settle(request, s.schedule)
			return err
		},
		committed: func() { s.reschedule(request, settled) },
	}
	if err := s.queue.Do(ctx, j, j.size); err != nil {
		return fmt.Errorf("sqlite inbox: settle: %w", err)
	}
	return nil
}

const selectPlace = `SELECT sequence, lane_hash, state FROM delivery WHERE id = ?`

// settledEntry is a settlement that was applied.
type settledEntry struct {
	inbox.Settlement
	sequence, lane int64
}

// settle applies what is to be applied and returns it.
func (t *tx) settle(request inbox.SettleRequest, claims *schedule) ([]settledEntry, error) {
	settled := make([]settledEntry, 0, len(request.Settlements))
	for _, one := range request.Settlements {
		e := settledEntry{Settlement: one}
		var state inbox.State
		found, err := t.queryRow(selectPlace, []any{one.ID}, &e.sequence, &e.lane, &state)
		if err != nil {
			return nil, err
		}
		if !found || !one.IsEnd() && !claims.holds(request.Owner, e.lane, e.sequence) {
			continue
		}
		switch {
		case one.IsEnd() && (state == inbox.StatePending || state == inbox.StateQuarantined):
			t.move(state, one.State)
			_, err = t.exec("UPDATE delivery SET state = ?, reason = ?, settled_at = ? WHERE sequence = ?",
				string(one.State), one.Reason, cell.Micros(request.Now), e.sequence)
		case one.IsRetry():
			_, err = t.exec("UPDATE delivery SET due_at = ?, reason = ?, attempts = attempts + ? WHERE sequence = ?",
				cell.Micros(one.DueAt), one.Reason, one.Counted, e.sequence)
		}
		if err != nil {
			return nil, err
		}
		settled = append(settled, e)
	}
	return settled, nil
}

// reschedule follows with the schedule what the table now says.
func (s *Store) reschedule(request inbox.SettleRequest, settled []settledEntry) {
	due := false
	for _, e := range settled {
		switch {
		case e.IsEnd():
			due = s.schedule.end(e.lane, e.sequence, request.Now) || due
		case e.IsRetry():
			due = s.schedule.retry(request.Owner, e.lane, e.sequence, cell.Micros(e.DueAt), request.Now) || due
		default:
			s.schedule.release(request.Owner, e.lane, e.sequence, request.Now)
		}
	}
	if due {
		s.signalWake()
	}
}
