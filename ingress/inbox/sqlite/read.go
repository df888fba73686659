package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

// columns are what scan reads, in its order.
const columns = `d.id, d.provider, d.scope, d.kind, d.lane, d.dedupe_key, d.fingerprint, d.occurred_at, d.received_at, d.state, d.reason,
d.conflict_of, d.settled_at, d.attempts, d.unmatched_since, d.duplicates, d.last_duplicate_at`

type scanner interface{ Scan(...any) error }

// scan reads columns, then whatever else was selected.
func scan(rows scanner, more ...any) (inbox.Delivery, error) {
	var d inbox.Delivery
	var occurred, received, settled, unmatched, duplicate int64
	dest := []any{
		&d.ID, &d.Provider, &d.Scope, &d.Kind, &d.Lane, &d.DedupeKey, &d.Fingerprint, &occurred, &received, &d.State, &d.Reason,
		&d.ConflictOf, &settled, &d.Attempts, &unmatched, &d.Duplicates, &duplicate,
	}
	if err := rows.Scan(append(dest, more...)...); err != nil {
		return inbox.Delivery{}, err
	}
	d.OccurredAt, d.ReceivedAt, d.SettledAt = table.Time(occurred), table.Time(received), table.Time(settled)
	d.UnmatchedSince, d.LastDuplicateAt = table.Time(unmatched), table.Time(duplicate)
	return d, nil
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

// wrap names the operation, and the two causes that callers tell apart.
func (r *reader) wrap(ctx context.Context, operation string, err error) error {
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

const selectDelivery = `SELECT ` + columns + `, b.body, coalesce(l.due_at, 0) FROM delivery AS d LEFT JOIN body AS b USING (sequence)
LEFT JOIN lane AS l ON d.state = 'pending' AND l.lane = d.lane WHERE d.id = ?`

// Get implements inbox.Store.
func (s *Store) Get(ctx context.Context, id string) (inbox.Delivery, error) {
	var body []byte
	var due int64
	d, err := scan(s.reads.db.QueryRowContext(ctx, selectDelivery, id), &body, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return inbox.Delivery{}, fmt.Errorf("sqlite inbox: get %q: %w", id, inbox.ErrNotFound)
	}
	if err != nil {
		return inbox.Delivery{}, s.reads.wrap(ctx, "get", err)
	}
	d.Body, d.DueAt = body, table.Time(due)
	return d, nil
}

var dialect = table.Dialect{
	Table: "delivery", Columns: columns,
	Placeholder: func(n int) string { return "?" + strconv.Itoa(n) },
	Index: func(name string) string {
		if name == "" {
			return ""
		}
		return "INDEXED BY " + name
	},
	Text: func(s string) string { return s },
}

// List implements inbox.Store.
func (s *Store) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	if err := filter.Validate(); err != nil {
		return inbox.Page{}, fmt.Errorf("sqlite inbox: list: %w", err)
	}
	var kinds []table.Kind
	if table.NeedsKinds(filter) {
		rows, err := s.reads.db.QueryContext(ctx, "SELECT provider, scope, kind FROM kind")
		if err == nil {
			kinds, err = collect(rows, func() (k table.Kind, err error) { return k, rows.Scan(&k.Provider, &k.Scope, &k.Kind) })
		}
		if err != nil {
			return inbox.Page{}, s.reads.wrap(ctx, "list", err)
		}
	}
	query, args := dialect.List(filter, kinds)
	if query == "" {
		return inbox.PageOf(nil, filter.PageSize()), nil
	}
	rows, err := s.reads.db.QueryContext(ctx, query, args...)
	if err != nil {
		return inbox.Page{}, s.reads.wrap(ctx, "list", err)
	}
	found, err := collect(rows, func() (inbox.Delivery, error) { return scan(rows) })
	if err != nil {
		return inbox.Page{}, s.reads.wrap(ctx, "list", err)
	}
	return inbox.PageOf(found, filter.PageSize()), nil
}

// Most deliveries are delivered, so they are counted as all without the others, by the smallest index.
const selectCounts = `SELECT 'pending', count(*) FROM delivery INDEXED BY delivery_pending WHERE state = 'pending'
UNION ALL SELECT state, count(*) FROM delivery INDEXED BY delivery_open WHERE state NOT IN ('pending', 'delivered') GROUP BY state
UNION ALL SELECT 'delivered', CASE WHEN ?1 THEN (SELECT count(*) FROM delivery) ELSE 0 END`

// Counts implements inbox.Store.
func (s *Store) Counts(ctx context.Context, states ...inbox.State) (map[inbox.State]int64, error) {
	if len(states) == 0 {
		states = inbox.States()
	}
	counts := make(map[inbox.State]int64, len(states))
	delivered := false
	for _, state := range states {
		counts[state] = 0
		delivered = delivered || state == inbox.StateDelivered
	}
	rows, err := s.reads.db.QueryContext(ctx, selectCounts, delivered)
	if err != nil {
		return nil, s.reads.wrap(ctx, "count", err)
	}
	_, err = collect(rows, func() (n int64, err error) {
		var state inbox.State
		err = rows.Scan(&state, &n)
		if _, asked := counts[state]; asked {
			counts[state] += n
		}
		if delivered && state != inbox.StateDelivered {
			counts[inbox.StateDelivered] -= n
		}
		return n, err
	})
	return counts, s.reads.wrap(ctx, "count", err)
}

// OldestPending implements inbox.Store.
func (s *Store) OldestPending(ctx context.Context) (time.Time, bool, error) {
	var received int64
	err := s.reads.db.QueryRowContext(ctx, `SELECT received_at FROM delivery
WHERE id = (SELECT min(id || '') FROM delivery INDEXED BY delivery_pending WHERE state = 'pending')`).Scan(&received)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return table.Time(received), err == nil, s.reads.wrap(ctx, "oldest pending", err)
}

// Check implements inbox.Store.
func (s *Store) Check(ctx context.Context) error {
	var version int64
	if err := s.reads.db.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil {
		return s.reads.wrap(ctx, "check", err)
	}
	// The writer asks its file, with nothing to write.
	if err := s.queue.Do(ctx, &job{relaxed: true}, 0); err != nil {
		return fmt.Errorf("sqlite inbox: check: %w", err)
	}
	return nil
}

// Size implements inbox.Store.
func (s *Store) Size(context.Context) (size inbox.Size, err error) {
	for path, bytes := range map[string]*int64{s.file.path: &size.Tables, s.file.path + "-wal": &size.Log} {
		info, err := os.Stat(path)
		if err != nil {
			return inbox.Size{}, fmt.Errorf("sqlite inbox: size: %w", err)
		}
		*bytes = info.Size()
	}
	return size, nil
}
