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

// each calls scan for every row and closes the rows.
func each(rows *sql.Rows, scan func(*sql.Rows) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
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

// each calls scan for every row of an answer.
func (r *reader) each(ctx context.Context, query string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
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
LEFT JOIN lane AS l ON d.state = 'pending' AND l.lane_key = d.lane_key WHERE d.id = ?`

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
	var found []inbox.Delivery
	var err error
	if table.NeedsKinds(filter) {
		err = s.reads.each(ctx, "SELECT provider, scope, kind FROM kind", func(rows *sql.Rows) error {
			var k table.Kind
			err := rows.Scan(&k.Provider, &k.Scope, &k.Kind)
			kinds = append(kinds, k)
			return err
		})
	}
	if query, args := dialect.List(filter, kinds); err == nil && query != "" {
		err = s.reads.each(ctx, query, func(rows *sql.Rows) error {
			d, err := scan(rows)
			found = append(found, d)
			return err
		}, args...)
	}
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
	err := s.reads.each(ctx, selectCounts, func(rows *sql.Rows) error {
		var state inbox.State
		var n int64
		err := rows.Scan(&state, &n)
		if _, asked := counts[state]; asked {
			counts[state] += n
		}
		if delivered && state != inbox.StateDelivered {
			counts[inbox.StateDelivered] -= n
		}
		return err
	}, delivered)
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
	// The writer looks at its file, with nothing to write.
	return s.do(ctx, "check", &job{relaxed: true})
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
