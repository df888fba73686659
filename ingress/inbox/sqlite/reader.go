package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
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

// List implements inbox.Store.
func (s *Store) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	page, err := s.reads.list(ctx, filter)
	if err != nil {
		return inbox.Page{}, fmt.Errorf("sqlite inbox: list: %w", s.reads.failure(ctx, err))
	}
	return page, nil
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
	return fromMicros(received), true, nil
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

// list asks for each state by itself and merges: so the index gives every part newest first,
// and no question sorts the table.
func (r *reader) list(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	if err := filter.Validate(); err != nil {
		return inbox.Page{}, err
	}
	where, args, err := conditions(filter)
	if err != nil {
		return inbox.Page{}, err
	}
	limit := filter.PageSize()
	states := filter.States
	if len(states) == 0 {
		states = inbox.States()
	}
	var all []stored
	for _, state := range states {
		rows, err := r.db.QueryContext(ctx, listQuery(where), append(append([]any{string(state)}, args...), limit+1)...)
		if err != nil {
			return inbox.Page{}, err
		}
		part, err := collect(rows, func() (stored, error) { return scan(rows) })
		if err != nil {
			return inbox.Page{}, err
		}
		all = append(all, part...)
	}
	slices.SortFunc(all, func(a, b stored) int { return cmp.Compare(b.sequence, a.sequence) })
	return pageOf(all, limit), nil
}

func listQuery(where string) string {
	return "SELECT " + columns + " FROM delivery WHERE " + where + " ORDER BY sequence DESC LIMIT ?"
}

func pageOf(all []stored, limit int) inbox.Page {
	var page inbox.Page
	if len(all) > limit {
		all = all[:limit]
		page.Next = inbox.Cursor(all[limit-1].sequence)
	}
	for _, d := range all {
		page.Deliveries = append(page.Deliveries, d.Delivery)
	}
	return page
}

// conditions writes the filter as SQL, the state first.
func conditions(f inbox.Filter) (string, []any, error) {
	where, args := []string{"state = ?"}, []any(nil)
	add := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if f.Lane != "" {
		// The plus keeps the planner from the index of states: a lane is short, a state is not.
		where[0] = "+state = ?"
		add("lane_hash = ?", laneHash(f.Lane))
		add("lane = ?", f.Lane)
	}
	for _, equal := range []struct{ column, value string }{{"provider", f.Provider}, {"scope", f.Scope}, {"kind", f.Kind}} {
		if equal.value != "" {
			add(equal.column+" = ?", equal.value)
		}
	}
	if !f.Since.IsZero() {
		// The sequence is never below the arrival, so the first condition bounds the search.
		add("sequence >= ?", micros(f.Since))
		add("received_at >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("received_at < ?", micros(f.Until))
	}
	if f.Cursor != "" {
		after, err := inbox.ParseCursor(f.Cursor)
		if err != nil {
			return "", nil, err
		}
		add("sequence < ?", after)
	}
	return strings.Join(where, " AND "), args, nil
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
