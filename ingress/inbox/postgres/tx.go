package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// tx is one transaction under way. Statements are queued and go to the server many at a time, since the way there is what most of
// them cost. Each sees what was committed before it, and so what the one before it waited for.
type tx struct {
	conn  *pgxpool.Conn
	batch *pgx.Batch
	// moved gathers the change of each state's count, written once at the end.
	moved map[inbox.State]int64
}

// tries is how often a transaction is begun that lost against another or whose connection was dead.
const tries = 3

// transact runs do in a transaction and commits it; do may run more than once. ctx bounds it, and so does patience.
func (s *Store) transact(ctx context.Context, do func(context.Context, *tx) error) error {
	if s.closed.Load() {
		return inbox.ErrClosed
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for try := 1; ; try++ {
		err := s.tryTransact(bounded, do)
		if err == nil || try == tries || !isRepeatable(err) || bounded.Err() != nil {
			return s.failure(ctx, err)
		}
	}
}

func (s *Store) tryTransact(ctx context.Context, do func(context.Context, *tx) error) error {
	conn, err := s.writes.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that is still in a transaction is closed by this, not used again.
	defer conn.Release()
	t := &tx{conn: conn, batch: &pgx.Batch{}, moved: map[inbox.State]int64{}}
	t.queue("BEGIN")
	err = do(ctx, t)
	if err == nil {
		err = t.commit(ctx)
	}
	if err != nil {
		t.rollback()
	}
	return err
}

// queue adds a statement to those that the next send carries.
func (t *tx) queue(sql string, args ...any) *pgx.QueuedQuery { return t.batch.Queue(sql, args...) }

// send has the queued statements carried out in order. An error of one keeps the following from being carried out.
func (t *tx) send(ctx context.Context) error {
	batch := t.batch
	t.batch = &pgx.Batch{}
	return t.conn.SendBatch(ctx, batch).Close()
}

// commit sends what is queued together with the end of the transaction. Its answer is waited for even when the caller has gone:
// without it nobody would know whether it happened.
func (t *tx) commit(ctx context.Context) error {
	t.queueCounts()
	committed := false
	t.queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT"
		return nil
	})
	kept := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		kept, cancel = context.WithDeadline(kept, deadline)
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.send(kept); err != nil {
		return err
	}
	if !committed {
		return errors.New("the server rolled the transaction back")
	}
	return nil
}

// rollback makes the connection fit for the next transaction, where it still can be.
func (t *tx) rollback() {
	if t.conn.Conn().IsClosed() {
		return
	}
	const quick = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	// The lock is that of signalbox_take: a call that was cut short would keep it, and with it all who append.
	if _, err := t.conn.Exec(ctx, "ROLLBACK; SELECT pg_advisory_unlock_all()"); err != nil {
		_ = t.conn.Conn().Close(ctx)
	}
}

func (t *tx) move(from, to inbox.State) {
	t.moved[from]--
	t.moved[to]++
}

// addCounts adds to the first slot that nobody holds; should all be held, it waits for the one that the connection's number names.
const addCounts = `UPDATE signalbox_count SET
pending = pending + $1, delivered = delivered + $2, unmatched = unmatched + $3, late = late + $4,
ignored = ignored + $5, dead = dead + $6, quarantined = quarantined + $7
WHERE slot = coalesce((SELECT slot FROM signalbox_count ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED), pg_backend_pid() % 32)`

func (t *tx) queueCounts() {
	args, changed := make([]any, 0, len(countedStates)), false
	for _, state := range countedStates {
		args = append(args, t.moved[state])
		changed = changed || t.moved[state] != 0
	}
	if changed {
		t.queue(addCounts, args...)
	}
}

// countedStates are the columns of signalbox_count, in their order.
var countedStates = []inbox.State{
	inbox.StatePending, inbox.StateDelivered, inbox.StateUnmatched, inbox.StateLate, inbox.StateIgnored, inbox.StateDead, inbox.StateQuarantined,
}

// wrap names the operation.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("postgres inbox: %s: %w", operation, err)
}
