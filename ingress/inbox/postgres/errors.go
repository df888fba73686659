package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Classes of SQLSTATE, the first two characters: https://www.postgresql.org/docs/15/errcodes-appendix.html
const (
	classData      = "22"
	classIntegrity = "23"
	classRollback  = "40" // serialization failure, deadlock
	classLimit     = "54" // something is larger than the server takes
	classOperator  = "57" // the server starts or stops
)

func sqlClass(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && len(e.Code) == 5 {
		return e.Code[:2]
	}
	return ""
}

// isFault tells trouble that one caller's data makes, or that comes of many being written together, from trouble of the server or
// of the way there, which hits every write alike.
func isFault(err error) bool {
	if errors.Is(err, inbox.ErrIDTaken) {
		return true
	}
	switch sqlClass(err) {
	case classData, classIntegrity, classRollback, classLimit:
		return true
	default:
		return false
	}
}

// isRepeatable says that a transaction certainly did nothing and may succeed when tried again at once: it lost against another, or
// its connection was dead before anything was sent.
func isRepeatable(err error) bool {
	return sqlClass(err) == classRollback || pgconn.SafeToRetry(err)
}

// unreachable tells a server that is away, or just starting or stopping, from one that refuses.
func unreachable(err error) error {
	_, refused := errors.AsType[*pgconn.PgError](err)
	if errors.Is(err, ErrUnsuitable) || refused && sqlClass(err) != classOperator {
		return err
	}
	return fmt.Errorf("%w: %w", inbox.ErrBusy, err)
}

// failure names the causes that callers tell apart.
func (s *Store) failure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case s.closed.Load():
		return inbox.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", inbox.ErrBusy, context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return fmt.Errorf("%w: the database does not answer: %w", inbox.ErrBusy, err)
	default:
		return err
	}
}
