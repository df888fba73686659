package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, "replay", false, func(tx Tx) error { return replay(tx, id, now) })
	if err == nil {
		s.signalWake()
	}
	return err
}

const selectReplayed = `SELECT d.sequence, d.lane_key, d.lane, EXISTS (SELECT 1 FROM inbox_body AS b WHERE b.sequence = d.sequence)
FROM inbox_delivery AS d WHERE d.id = ?`

func replay(tx Tx, id string, now time.Time) error {
	sequence, lane, err := replayable(tx, selectReplayed, id)
	if err != nil {
		return err
	}
	// Lock the lane first, as all transactions do.
	if _, err := tx.Exec(`INSERT INTO inbox_lane (lane_key, due_at) VALUES (?, ?) ON CONFLICT (lane_key) DO UPDATE
SET due_at = CASE WHEN inbox_lane.claim = 0 AND inbox_lane.due_at > excluded.due_at THEN excluded.due_at ELSE inbox_lane.due_at END`,
		lane, micros(now)); err != nil {
		return err
	}
	// A purge may have removed it meanwhile. What is read after the row was locked does not change any more.
	for _, query := range []string{selectReplayed + " @lock", selectReplayed} {
		if _, _, err := replayable(tx, query, id); err != nil {
			return err
		}
	}
	// What arrived before it and is in no lane yet goes first.
	if _, err := tx.Exec(`UPDATE inbox_delivery @delivery_unique SET in_lane = 1 WHERE state = 'pending' AND in_lane + 0 = 0 AND lane_key = ? AND id < ?`,
		lane, id); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE inbox_delivery SET reason = CASE WHEN state IN ('late', 'delivered') THEN state || ? WHEN reason LIKE ? THEN reason ELSE '' END,
state = 'pending', in_lane = 1, attempts = 0, unmatched_since = 0, settled_at = 0 WHERE sequence = ?`, inbox.BeforeReplay, "%"+inbox.BeforeAct+"%", sequence)
	return err
}

// replayable returns the sequence and the lane of a delivery, or an error if it can't be replayed.
func replayable(tx Tx, query, id string) (sequence, key int64, err error) {
	var lane string
	var body bool
	err = tx.Each(query, func(row Row) error { return row.Scan(&sequence, &key, &lane, &body) }, id)
	switch {
	case err != nil:
	case sequence == 0:
		err = inbox.ErrNotFound
	case lane == "":
		err = fmt.Errorf("%w: it has no lane", inbox.ErrNotReplayable)
	case !body:
		err = fmt.Errorf("%w: its body has been purged", inbox.ErrNotReplayable)
	}
	return sequence, key, err
}

// One transaction removes at most so many rows, and so many bytes of bodies unless one body is larger: appends wait for it, and for the
// bodies to be overwritten.
const purgeRows, purgeBytes = 100, 8 << 20

// IDs sort by arrival. Deliveries that arrived while a clock was ahead have IDs in the future, and are found by received_at, which the
// purge corrects once. A row that a replay has locked is left for the next purge. Each query finds sequences, and the sizes of the bodies.
const (
	selectSizes = `SELECT d.sequence, coalesce((SELECT length(body) FROM inbox_body WHERE sequence = d.sequence), 0) FROM inbox_delivery AS d WHERE `
	// If all deliveries seem to be ahead, it is this clock that is wrong.
	selectAheadRows = `SELECT sequence, 0 FROM inbox_delivery WHERE id >= ? AND received_at > ? AND state <> 'pending'
AND EXISTS (SELECT 1 FROM inbox_delivery WHERE id < ?) LIMIT ? @skip`
	correctAhead = `UPDATE inbox_delivery SET received_at = ? WHERE sequence IN (*)`
	selectRows   = selectSizes + `id < ? AND state <> 'pending' ORDER BY id LIMIT ? @skip`
	selectAfter  = selectSizes + `id >= ? AND received_at < ? AND state <> 'pending' ORDER BY id LIMIT ? @skip`
	// Bodies are in the order of appending, which is nearly that of arrival. They are read from the first one on, up to the last of the
	// youngest 2,000 that are old enough; a batch holds fewer.
	selectBodies = `SELECT b.sequence, length(b.body) FROM inbox_body AS b JOIN inbox_delivery AS d ON d.sequence = b.sequence
WHERE b.sequence <= (SELECT max(sequence) FROM (SELECT sequence FROM inbox_delivery WHERE id < ? ORDER BY id DESC LIMIT 2000) AS young)
AND d.id < ? AND d.state NOT IN ('pending', 'quarantined') ORDER BY b.sequence LIMIT ? @skip`
	// What was stored anew, with its old arrival, lies far behind in this order. It is found by the reason of the earlier delivery.
	selectBodiesAnew = `SELECT d.sequence, length(b.body) FROM inbox_delivery AS old @delivery_anew
JOIN inbox_delivery AS d ON d.id = substr(old.reason, length(old.reason) - 35) JOIN inbox_body AS b ON b.sequence = d.sequence
WHERE old.state = 'ignored' AND old.reason LIKE 're% as %' AND d.id < ? AND d.state NOT IN ('pending', 'quarantined') LIMIT ? @skip`
	selectBodiesAfter = `SELECT d.sequence, length(b.body) FROM inbox_delivery AS d JOIN inbox_body AS b ON b.sequence = d.sequence
WHERE d.id >= ? AND d.received_at < ? AND d.state NOT IN ('pending', 'quarantined') ORDER BY d.id LIMIT ? @skip`
)

func (s *Store) Purge(ctx context.Context, request inbox.PurgeRequest) (purged inbox.Purged, err error) {
	ahead, now := "", micros(request.Now)
	if now != 0 {
		ahead = inbox.FirstID(request.Now.Add(inbox.Ahead))
	}
	purge := func(count *int, before time.Time, remove func(Tx, []int64) error, query string, args ...any) {
		if err != nil || before.IsZero() || slices.Contains(args, any("")) {
			return
		}
		var n int
		n, err = s.inChunks(ctx, "purge", remove, query, nil, append(args, purgeRows)...)
		*count += n
	}
	purge(new(int), request.Now, func(tx Tx, sequences []int64) error {
		_, err := tx.ExecList(correctAhead, sequences, now)
		return err
	}, selectAheadRows, ahead, now, ahead)
	rows, bodies := request.RowsBefore, request.BodiesBefore
	purge(&purged.Rows, rows, removeRows, selectRows, inbox.FirstID(rows))
	purge(&purged.Rows, rows, removeRows, selectAfter, ahead, micros(rows))
	purge(&purged.Bodies, bodies, removeBodies, selectBodies, inbox.FirstID(bodies), inbox.FirstID(bodies))
	purge(&purged.Bodies, bodies, removeBodies, selectBodiesAnew, inbox.FirstID(bodies))
	purge(&purged.Bodies, bodies, removeBodies, selectBodiesAfter, ahead, micros(bodies))
	return purged, err
}

// inChunks removes the rows that a query finds, one chunk in each transaction, until it finds none, and returns their number.
func (s *Store) inChunks(ctx context.Context, operation string, remove func(Tx, []int64) error, query string, list any, args ...any) (n int, err error) {
	for {
		var found []int64
		err := s.write(ctx, operation, false, func(tx Tx) error {
			found = nil
			size := int64(0)
			_, err := tx.Run(query, list, func(row Row) error {
				var sequence, body int64
				err := row.Scan(&sequence, &body)
				if size += body; len(found) == 0 || size <= purgeBytes && len(found) < purgeRows {
					found = append(found, sequence)
				}
				return err
			}, args...)
			if err != nil {
				return err
			}
			return remove(tx, found)
		})
		if err != nil || len(found) == 0 {
			return n, err
		}
		n += len(found)
	}
}

func removeRows(tx Tx, sequences []int64) error {
	if err := removeBodies(tx, sequences); err != nil {
		return err
	}
	_, err := tx.ExecList("DELETE FROM inbox_delivery WHERE sequence IN (*)", sequences)
	return err
}

func removeBodies(tx Tx, sequences []int64) error {
	_, err := tx.ExecList("DELETE FROM inbox_body WHERE sequence IN (*)", sequences)
	return err
}

// Written as expressions, provider and scope can't make the database use another index.
const selectOfSender = `SELECT sequence, kind FROM inbox_delivery @delivery_open WHERE state NOT IN ('pending', 'delivered') AND state = ?
AND (provider || '') = ? AND (scope || '') = ? ORDER BY CASE WHEN received_at > last_duplicate_at THEN received_at ELSE last_duplicate_at END, id @skip`

// Trim implements inbox.Store. It reads all deliveries of the sender in the state, so don't call it for each arrival.
func (s *Store) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	if request.State == inbox.StatePending || request.State == inbox.StateDelivered || request.Keep < 0 {
		return 0, s.db.Wrap(ctx, "trim", fmt.Errorf("%w: state %q, keep %d", inbox.ErrInvalid, request.State, request.Keep))
	}
	trimmed := 0 // not read after an error: the transaction may still be writing it
	err := s.write(ctx, "trim", false, func(tx Tx) error {
		groups := make([][]int64, 1+len(request.LastKinds))
		err := tx.Each(selectOfSender, func(row Row) error {
			var sequence int64
			var kind string
			err := row.Scan(&sequence, &kind)
			group := &groups[1+slices.Index(request.LastKinds, kind)] // groups[0] has all other kinds
			*group = append(*group, sequence)
			return err
		}, string(request.State), request.Provider, request.Scope)
		if err != nil {
			return err
		}
		all := slices.Concat(groups...)
		trimmed = max(0, len(all)-request.Keep)
		return removeRows(tx, all[:trimmed])
	})
	if err != nil {
		return 0, err
	}
	return trimmed, nil
}

const (
	selectErase = selectSizes + `NOT (state = 'ignored' AND reason = 'erased') AND id IN (*) @lock`
	// A delivery without a fingerprint is the same as any with its key.
	eraseRows = `UPDATE inbox_delivery SET fingerprint = ?, lane = '', dedupe_key = '', conflict_of = '', reason = 'erased', state = 'ignored', in_lane = 0
WHERE sequence IN (*)`
	// The space after a lane keeps other lanes, which begin with the same text.
	eraseSubjects = `UPDATE inbox_audit SET subject = rtrim(replace(subject || ' ', ?, ?)) WHERE replace(subject || ' ', ?, ?) <> subject || ' '`
)

// Erase implements inbox.Store. A lane that it leaves empty is deleted by the next claim.
func (s *Store) Erase(ctx context.Context, lane string, ids []string) error {
	word, hash := lane+" ", inbox.ErasedSubject(lane)+" "
	_, err := s.inChunks(ctx, "erase", func(tx Tx, sequences []int64) error {
		_, err := tx.ExecList(eraseRows, sequences, []byte{})
		if err == nil {
			err = removeBodies(tx, sequences)
		}
		if err == nil {
			_, err = tx.Exec(eraseSubjects, word, hash, word, hash)
		}
		return err
	}, selectErase, ids)
	return err
}

func (s *Store) Audit(ctx context.Context, entry inbox.AuditEntry) error {
	if entry.Who == "" || entry.Action == "" || entry.At.IsZero() {
		return s.db.Wrap(ctx, "audit", fmt.Errorf("%w: an audit entry needs who, an action and the time", inbox.ErrInvalid))
	}
	entry.ID = cmp.Or(entry.ID, inbox.NewID(entry.At))
	return s.write(ctx, "audit", false, func(tx Tx) error {
		_, err := tx.Exec("INSERT INTO inbox_audit (id, at, who, action, subject) VALUES (?, ?, ?, ?, ?)",
			entry.ID, micros(entry.At), entry.Who, entry.Action, entry.Subject)
		return err
	})
}

func (s *Store) AuditTrail(ctx context.Context, cursor string, limit int) (trail []inbox.AuditEntry, err error) {
	err = s.db.Read(ctx, "SELECT id, at, who, action, subject FROM inbox_audit WHERE id < ? ORDER BY id DESC LIMIT ?", func(row Row) error {
		var e inbox.AuditEntry
		var at int64
		err := row.Scan(&e.ID, &at, &e.Who, &e.Action, &e.Subject)
		e.At = fromMicros(at)
		trail = append(trail, e)
		return err
	}, cmp.Or(cursor, "z"), inbox.Filter{Limit: limit}.PageSize()) // z is after every ID
	return trail, s.db.Wrap(ctx, "audit trail", err)
}

func (s *Store) Audited(ctx context.Context, action, subject string) (bool, error) {
	var found []int64
	err := s.db.Read(ctx, "SELECT at FROM inbox_audit WHERE action = ? AND subject = ? LIMIT 1", collect(&found), action, subject)
	return len(found) > 0, s.db.Wrap(ctx, "audited", err)
}
