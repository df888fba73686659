package sqlite

import (
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// Settle implements inbox.Store.
func (s *Store) Settle(ctx context.Context, request inbox.SettleRequest) error {
	if err := request.Validate(); err != nil {
		return fmt.Errorf("sqlite inbox: settle: %w", err)
	}
	if len(request.Settlements) == 0 {
		return nil
	}
	due := false
	j := &job{
		relaxed: true,
		size:    pageSize * int64(len(request.Settlements)),
		work: func(t *tx) (err error) {
			due, err = t.settle(request)
			return err
		},
		committed: func() {
			if due {
				s.signalWake()
			}
		},
	}
	if err := s.queue.Do(ctx, j, j.size); err != nil {
		return fmt.Errorf("sqlite inbox: settle: %w", err)
	}
	return nil
}

var (
	placeQueries = listQueries("SELECT id, lane, state FROM delivery WHERE id IN ", "")
	ownedQueries = listQueries("SELECT lane FROM lane WHERE owner = ? AND lane IN ", "")
	endQueries   = listQueries("UPDATE delivery SET state = ?, reason = ?, settled_at = ? WHERE id IN ", "")
	idleQueries  = listQueries("DELETE FROM lane WHERE lane IN ",
		" AND NOT EXISTS (SELECT 1 FROM delivery AS d INDEXED BY delivery_pending WHERE d.state = 'pending' AND d.lane = lane.lane)")
	freeQueries = listQueries("UPDATE lane SET owner = '', due_at = ? WHERE lane IN ", "")
)

const retryDelivery = `UPDATE delivery SET reason = ?, attempts = attempts + ?,
unmatched_since = CASE unmatched_since WHEN 0 THEN ? ELSE unmatched_since END WHERE id = ?`

// place is where a delivery is, and its state.
type place struct {
	lane  string
	state inbox.State
}

// end is what several deliveries may have in common.
type end struct {
	state  inbox.State
	reason string
}

// settle applies what is to be applied, and says whether a lane has more to hand out now.
func (t *tx) settle(request inbox.SettleRequest) (due bool, err error) {
	places, owned, err := t.places(request)
	if err != nil {
		return false, err
	}
	ends := map[end][]string{}
	waits := map[string]int64{}
	ended := map[string]bool{}
	for _, one := range request.Settlements {
		at, known := places[one.ID]
		switch {
		case !known:
		case one.IsEnd():
			if at.state == inbox.StatePending || at.state == inbox.StateQuarantined {
				ends[end{one.State, one.Reason}] = append(ends[end{one.State, one.Reason}], one.ID)
				places[one.ID] = place{at.lane, one.State}
			}
			ended[at.lane] = true
		case one.IsRetry() && owned[at.lane] && at.state == inbox.StatePending:
			if _, err := t.exec(retryDelivery, one.Reason, one.Counted, table.Micros(one.UnmatchedSince), one.ID); err != nil {
				return false, err
			}
			if _, first := waits[at.lane]; !first {
				waits[at.lane] = table.Micros(request.Due(one))
			}
		}
	}
	for e, ids := range ends {
		if err := t.onLanes(endQueries, ids, string(e.state), e.reason, table.Micros(request.Now)); err != nil {
			return false, err
		}
	}
	return t.free(request, owned, waits, ended)
}

// places looks the deliveries up, and which of their lanes the owner has claimed.
func (t *tx) places(request inbox.SettleRequest) (places map[string]place, owned map[string]bool, err error) {
	places, owned = make(map[string]place, len(request.Settlements)), map[string]bool{}
	seen := map[string]bool{}
	var lanes []string
	err = inChunks(request.Settlements, func(chunk []inbox.Settlement) error {
		ids := make([]any, len(chunk))
		for i, one := range chunk {
			ids[i] = one.ID
		}
		rows, err := t.query(placeQueries[len(chunk)], ids...)
		if err != nil {
			return err
		}
		_, err = collect(rows, func() (at place, err error) {
			var id string
			err = rows.Scan(&id, &at.lane, &at.state)
			places[id] = at
			if !seen[at.lane] {
				seen[at.lane], lanes = true, append(lanes, at.lane)
			}
			return at, err
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = inChunks(lanes, func(chunk []string) error {
		args := append(make([]any, 0, 1+len(chunk)), request.Owner)
		for _, lane := range chunk {
			args = append(args, lane)
		}
		rows, err := t.query(ownedQueries[len(chunk)], args...)
		if err != nil {
			return err
		}
		_, err = collect(rows, func() (lane string, err error) {
			err = rows.Scan(&lane)
			owned[lane] = true
			return lane, err
		})
		return err
	})
	return places, owned, err
}

// free ends the claims: a lane with nothing pending goes, the others are due at once or after their wait.
func (t *tx) free(request inbox.SettleRequest, owned map[string]bool, waits map[string]int64, ended map[string]bool) (due bool, err error) {
	byTime := map[int64][]string{}
	now := table.Micros(request.Now)
	for lane := range owned {
		at, waiting := waits[lane]
		if !waiting {
			at = now
		}
		byTime[at] = append(byTime[at], lane)
	}
	for at, lanes := range byTime {
		err := inChunks(lanes, func(chunk []string) error {
			names := make([]any, len(chunk))
			news := false
			for i, lane := range chunk {
				names[i] = lane
				news = news || ended[lane]
			}
			gone, err := t.exec(idleQueries[len(chunk)], names...)
			if err != nil || gone == int64(len(chunk)) {
				return err
			}
			due = due || news && at <= now
			_, err = t.exec(freeQueries[len(chunk)], append([]any{at}, names...)...)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return due, nil
}
