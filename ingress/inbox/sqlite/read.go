package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// reader is the pool of connections that cannot write.
type reader struct {
	db     *sql.DB
	closed atomic.Bool
}

func openReader(ctx context.Context, path string) (*reader, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return nil, fmt.Errorf("open for reading: %w", err)
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open for reading: %w", err), db.Close())
	}
	return &reader{db: db}, nil
}

func (r *reader) close() error {
	r.closed.Store(true)
	return r.db.Close()
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
	case ctx.Err() != nil:
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
