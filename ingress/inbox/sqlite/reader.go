package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// reader is the pool of connections that cannot write.
type reader struct {
	db     *sql.DB
	closed atomic.Bool
}

const selectOldest = `SELECT received_at FROM delivery WHERE state = 'pending' ORDER BY sequence LIMIT 1`

func openReader(ctx context.Context, path string) (*reader, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: open for reading: %w", err)
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite inbox: open for reading: %w", err), db.Close())
	}
	return &reader{db: db}, nil
}

func (r *reader) close() error {
	r.closed.Store(true)
	return r.db.Close()
}

// Get implements inbox.Store.
func (s *Store) Get(ctx context.Context, id string) (inbox.Delivery, error) {
	var body []byte
	d, err := scan(s.reads.db.QueryRowContext(ctx,
		"SELECT "+columns+", body FROM delivery LEFT JOIN body USING (sequence) WHERE id = ?", id), &body)
	if errors.Is(err, sql.ErrNoRows) {
		return inbox.Delivery{}, fmt.Errorf("sqlite inbox: get %q: %w", id, inbox.ErrNotFound)
	}
	if err != nil {
		return inbox.Delivery{}, fmt.Errorf("sqlite inbox: get: %w", s.reads.failure(ctx, err))
	}
	d.Body = body
	return d.Delivery, nil
}

// Counts implements inbox.Store.
func (s *Store) Counts(ctx context.Context) (map[inbox.State]int64, error) {
	counts, err := s.reads.counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: count: %w", s.reads.failure(ctx, err))
	}
	return counts, nil
}

// OldestPending implements inbox.Store.
func (s *Store) OldestPending(ctx context.Context) (time.Time, bool, error) {
	var received int64
	err := s.reads.db.QueryRowContext(ctx, selectOldest).Scan(&received)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("sqlite inbox: oldest pending: %w", s.reads.failure(ctx, err))
	}
	return cell.Time(received), true, nil
}

func (r *reader) counts(ctx context.Context) (map[inbox.State]int64, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT state, deliveries FROM state_count")
	if err != nil {
		return nil, err
	}
	counts := map[inbox.State]int64{}
	_, err = collect(rows, func() (n int64, err error) {
		var state inbox.State
		err = rows.Scan(&state, &n)
		counts[state] = n
		return n, err
	})
	return counts, err
}

// failure names the two causes that callers tell apart.
func (r *reader) failure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", inbox.ErrBusy, context.Cause(ctx))
	case r.closed.Load():
		return inbox.ErrClosed
	default:
		return err
	}
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func() (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
