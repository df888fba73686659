package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

const atOnce = 4 // appends of a failed batch that are tried at a time

// job is one caller's append.
type job []*sqlstore.Delivery

// Append implements sqlstore.Database. It may be repeated: a try finds what an earlier one stored, even if the answer to its commit was lost.
func (d *database) Append(ctx context.Context, rows []*sqlstore.Delivery, size int64) error {
	return group.Retry(ctx, isTransient, func(last error) error {
		if hasState(last, lockTimeout) {
			// From now on it waits in its own transaction, so that other appends don't wait for it.
			return d.write([]job{rows})
		}
		return d.queue.Do(ctx, rows, size)
	})
}

// commit writes a batch in one transaction or, if one append may have made that fail, each append in its own. The locks that an append
// may wait for are of deliveries with its keys that another process is about to commit.
func (d *database) commit(batch []job) []error {
	err := d.write(batch)
	errs := slices.Repeat([]error{err}, len(batch))
	if len(batch) == 1 || !errors.Is(err, inbox.ErrIDTaken) && !hasState(err, singleStates...) {
		return errs
	}
	var tries errgroup.Group
	tries.SetLimit(atOnce)
	for i := range batch {
		tries.Go(func() error {
			errs[i] = d.write(batch[i : i+1])
			return nil
		})
	}
	_ = tries.Wait() // each has its own error
	return errs
}

// write stores the rows of a batch, all or none. It runs without the callers' contexts: one that ends must not interrupt the others.
func (d *database) write(batch []job) error {
	rows := slices.Concat(batch...)
	err := d.transact(context.Background(), false, wait, func(t sqlstore.Tx) error { return d.store.AppendTo(t, rows) })
	if err == nil {
		d.store.Appended(rows)
	}
	return err
}

// SQLSTATEs, or the classes that their first two characters are: https://www.postgresql.org/docs/15/errcodes-appendix.html
const (
	classConflict, classOperator = "40", "57" // deadlock, serialization failure; the server starts or stops
	lockTimeout                  = "55P03"
)

var (
	// awayStates are also: connection lost, session had stalled, server is now a standby, no connection or disk space left.
	awayStates = []string{lockTimeout, classConflict, classOperator, "08", "25P03", "25006", "53"}
	// singleStates may be caused by one append among many: its data, integrity, limits, and locks that it waits for.
	singleStates = []string{lockTimeout, classConflict, "22", "23", "54"}
)

func hasState(err error, states ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.ContainsFunc(states, func(state string) bool { return strings.HasPrefix(e.Code, state) })
}

// isTransient says that an append or a connection may be tried again: an error that is not the server's answer is a failure of the
// connection. An unsuitable server is tried again as well: in a failover an address leads to a standby for a while.
func isTransient(err error) bool {
	final := errors.Is(err, inbox.ErrClosed) || errors.Is(err, inbox.ErrIDTaken)
	return !final && (!hasState(err, "") || hasState(err, awayStates...))
}

// Wrap implements sqlstore.Database.
func (d *database) Wrap(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case d.closed.Load():
		err = inbox.ErrClosed
	case errors.Is(err, inbox.ErrBusy):
	case hasState(err, lockTimeout):
		err = fmt.Errorf("%w: %w", inbox.ErrLocked, err)
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: %w: %w", inbox.ErrBusy, context.Cause(ctx), err)
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		err = fmt.Errorf("%w: the database does not answer: %w", inbox.ErrBusy, err)
	}
	return fmt.Errorf("postgres inbox: %s: %w", operation, err)
}
