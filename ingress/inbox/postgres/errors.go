package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// SQLSTATEs, or the classes that their first two characters are: https://www.postgresql.org/docs/15/errcodes-appendix.html
const (
	classConflict, classOperator = "40", "57" // deadlock, serialization failure; the server starts or stops
	lockTimeout, undefinedTable  = "55P03", "42P01"
)

var (
	// awayStates are also: connection lost, session had stalled, server is now a standby, no connection or disk space left.
	awayStates = []string{lockTimeout, classConflict, classOperator, "08", "25P03", "25006", "53"}
	// singleStates may come of one append among many: its data, integrity, limits, and locks that it waits for.
	singleStates = []string{lockTimeout, classConflict, "22", "23", "54"}
	// errTransient marks the failure of an append that is tried again.
	errTransient = errors.New("the database was away or locked")
)

func hasState(err error, states ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.ContainsFunc(states, func(state string) bool { return strings.HasPrefix(e.Code, state) })
}

// isTransient says that an append may be tried again: what is not the server's answer is trouble on the way to it.
func isTransient(err error) bool {
	if errors.Is(err, inbox.ErrClosed) || errors.Is(err, inbox.ErrIDTaken) || errors.Is(err, ErrUnsuitable) {
		return false
	}
	return !hasState(err, "") || hasState(err, awayStates...)
}

// isRepeatable says that a transaction certainly did nothing and may succeed at once.
func isRepeatable(err error) bool {
	return hasState(err, classConflict, lockTimeout) || pgconn.SafeToRetry(err)
}

// unreachable tells a server that is away, or just starting or stopping, from one that refuses.
func unreachable(err error) error {
	if errors.Is(err, ErrUnsuitable) || hasState(err, "") && !hasState(err, classOperator) {
		return err
	}
	return fmt.Errorf("%w: %w", inbox.ErrBusy, err)
}

// Wrap implements sqlstore.Database.
func (d *database) Wrap(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case d.closed.Load():
		err = inbox.ErrClosed
	case errors.Is(err, inbox.ErrBusy):
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: %w: %w", inbox.ErrBusy, context.Cause(ctx), err)
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err), hasState(err, lockTimeout):
		err = fmt.Errorf("%w: the database does not answer: %w", inbox.ErrBusy, err)
	}
	return fmt.Errorf("postgres inbox: %s: %w", operation, err)
}
