package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// reader is the pool of connections that cannot write.
type reader struct {
	db *sql.DB
	// held stays open while the writer replaces its connection: closing the last connection removes the WAL.
	held   *sql.Conn
	closed atomic.Bool
}

func openReader(ctx context.Context, path string) (*reader, error) {
	// A connection has the WAL open once it has read: here the version.
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_query_only": {"1"}, "_pragma": {"user_version"}}))
	if err != nil {
		return nil, fmt.Errorf("open for reading: %w", err)
	}
	db.SetMaxOpenConns(readers + 1)
	db.SetMaxIdleConns(readers)
	held, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open for reading: %w", err), db.Close())
	}
	return &reader{db: db, held: held}, nil
}

func (r *reader) close() error {
	r.closed.Store(true)
	return errors.Join(r.held.Close(), r.db.Close())
}

// Read implements sqlstore.Database.
func (r *reader) Read(ctx context.Context, query string, scan func(sqlstore.Row) error, args ...any) error {
	rows, err := r.db.QueryContext(ctx, translate(query), args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// Wrap implements sqlstore.Database.
func (r *reader) Wrap(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !isOutage(err):
		err = fmt.Errorf("%w: %w", inbox.ErrBusy, context.Cause(ctx))
	case r.closed.Load():
		err = inbox.ErrClosed
	}
	return fmt.Errorf("sqlite inbox: %s: %w", operation, err)
}

// each calls scan for every row and closes the rows.
func each(rows *sql.Rows, scan func(sqlstore.Row) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// isOutage says that the disk or the file failed, which any write would meet, and not the data of one caller.
func isOutage(err error) bool {
	return errors.Is(err, ErrReplaced) || slices.Contains([]int{
		lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_BUSY,
		lib.SQLITE_LOCKED, lib.SQLITE_NOMEM, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_PERM, lib.SQLITE_AUTH,
	}, primaryCode(err))
}

// primaryCode is SQLite's result code without its extension, 0 for any other error.
func primaryCode(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
