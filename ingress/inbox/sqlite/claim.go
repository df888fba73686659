package sqlite

import (
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// Claim implements inbox.Store.
func (s *Store) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	if err := request.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite inbox: claim: %w", err)
	}
	var lanes []inbox.Lane
	j := &job{relaxed: true, work: func(t *tx) (err error) {
		lanes, err = t.claim(request)
		return err
	}}
	if err := s.queue.Do(ctx, j, 0); err != nil {
		return nil, fmt.Errorf("sqlite inbox: claim: %w", err)
	}
	return lanes, nil
}

const (
	// The second part finds lanes that were given their time by a clock that was ahead.
	selectDue = `SELECT lane FROM (SELECT lane FROM lane WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3)
UNION ALL SELECT lane FROM (SELECT lane FROM lane WHERE due_at > ?2 ORDER BY due_at LIMIT ?3)`
	selectPending = `SELECT ` + columns + `, b.body FROM delivery AS d INDEXED BY delivery_pending LEFT JOIN body AS b USING (sequence)
WHERE d.state = 'pending' AND d.lane = ? ORDER BY d.id LIMIT ?`
)

var (
	claimQueries  = listQueries("UPDATE lane SET owner = ?, due_at = ? WHERE lane IN ", "")
	renewQueries  = listQueries("UPDATE lane SET due_at = ? WHERE owner = ? AND lane IN ", "")
	deleteQueries = listQueries("DELETE FROM lane WHERE lane IN ", "")
)

func (t *tx) claim(request inbox.ClaimRequest) (claimed []inbox.Lane, err error) {
	rows, err := t.query(selectDue, table.Micros(request.Now), table.Micros(request.Now.Add(inbox.MaxWait)), request.MaxLanes)
	if err != nil {
		return nil, err
	}
	due, err := collect(rows, func() (lane string, err error) { return lane, rows.Scan(&lane) })
	if err != nil {
		return nil, err
	}
	var names, idle []string
	room := request.Room()
	for _, name := range due {
		if !room.Left() {
			break
		}
		lane, pending, err := t.pending(name, room)
		switch {
		case err != nil:
			return nil, err
		case !pending:
			idle = append(idle, name)
		case len(lane.Deliveries) > 0:
			room.Taken()
			claimed, names = append(claimed, lane), append(names, name)
		}
	}
	if err := t.onLanes(deleteQueries, idle); err != nil {
		return nil, err
	}
	return claimed, t.onLanes(claimQueries, names, request.Owner, table.Micros(request.Now.Add(request.Lease)))
}

// pending reads as many of a lane's deliveries as there is room for, and says whether there are any.
func (t *tx) pending(name string, room *inbox.Room) (lane inbox.Lane, any bool, err error) {
	rows, err := t.query(selectPending, name, room.PerLane)
	if err != nil {
		return lane, false, err
	}
	full := false
	lane.Name = name
	_, err = collect(rows, func() (none struct{}, err error) {
		any = true
		if full {
			return none, nil
		}
		var body []byte
		d, err := scan(rows, &body)
		if err != nil {
			return none, err
		}
		if full = !room.Fits(len(body)); !full {
			d.Body = body
			lane.Deliveries = append(lane.Deliveries, d)
		}
		return none, nil
	})
	return lane, any, err
}

// onLanes runs the statement of each chunk's size on lanes; args come before them.
func (t *tx) onLanes(queries map[int]string, lanes []string, args ...any) error {
	return inChunks(lanes, func(chunk []string) error {
		all := append(make([]any, 0, len(args)+len(chunk)), args...)
		for _, lane := range chunk {
			all = append(all, lane)
		}
		_, err := t.exec(queries[len(chunk)], all...)
		return err
	})
}

// Renew implements inbox.Store.
func (s *Store) Renew(ctx context.Context, request inbox.RenewRequest) error {
	j := &job{relaxed: true, work: func(t *tx) error {
		return t.onLanes(renewQueries, request.Lanes, table.Micros(request.Until), request.Owner)
	}}
	if err := s.queue.Do(ctx, j, 0); err != nil {
		return fmt.Errorf("sqlite inbox: renew: %w", err)
	}
	return nil
}
