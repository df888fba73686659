// Package sqlstore is the inbox in SQL: all that both stores have in common. Each store implements Database.
//
// The SQL here is what SQLite and PostgreSQL both understand. Arguments are written as ?. The stores translate three marks:
//
//	IN (*)     the values of a list
//	@name      use the index of that name, where the database takes hints
//	@lock      lock the rows that are found; @skip: the same, but leave out rows that another transaction has locked
//	@try       the same as @lock, and as @skip once waiting was in vain
package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Row is a row of a result.
type Row interface{ Scan(dest ...any) error }

// Statements is what a store runs in an open transaction.
type Statements interface {
	// Run calls scan, unless it is nil, for every row that a query returns, and returns the number of rows changed. For a query with IN (*),
	// list is a []string or an []int64, and its place comes after the args; nil otherwise.
	Run(query string, list any, scan func(Row) error, args ...any) (int64, error)
	// Repeat runs a query once for each list of args, in one round trip. It calls scan (nil for a query without rows) with the list's place and each row.
	Repeat(query string, args [][]any, scan func(i int, row Row) error) error
	// Insert inserts rows; args are those of all rows, one after the other. It calls scan for each row that the tail returns.
	Insert(into Insert, args []any, scan func(Row) error) error
}

// Tx is an open transaction, with words for each kind of statement.
type Tx struct {
	Statements
	Skip bool // earlier tries of the same work have waited in vain for a lock
}

func (t Tx) Exec(query string, args ...any) (int64, error) { return t.Run(query, nil, nil, args...) }

func (t Tx) Each(query string, scan func(Row) error, args ...any) error {
	return t.EachList(query, scan, nil, args...)
}

func (t Tx) ExecList(query string, list any, args ...any) (int64, error) {
	return t.Run(query, list, nil, args...)
}

func (t Tx) EachList(query string, scan func(Row) error, list any, args ...any) error {
	_, err := t.Run(query, list, scan, args...)
	return err
}

// Insert is a statement that inserts any number of rows.
type Insert struct {
	// Table is the table with its columns in brackets, Types are their types in PostgreSQL.
	Table string
	Types []string
	// Tail follows the rows.
	Tail string
}

// Database is what a store implements.
type Database interface {
	// Append calls Store.AppendTo in a transaction, with rows of other callers as well, and Store.Appended once they are on disk.
	// size is about how many bytes it writes.
	Append(ctx context.Context, rows []*Delivery, size int64) error
	// Write does work in a transaction, and repeats it if another transaction made it fail. Relaxed work need not be on disk when Write returns.
	Write(ctx context.Context, relaxed bool, work func(Tx) error) error
	// Read calls scan for every row.
	Read(ctx context.Context, query string, scan func(Row) error, args ...any) error
	// Wrap adds the operation to an error, and ErrBusy or ErrClosed if that is the cause.
	Wrap(ctx context.Context, operation string, err error) error
}

// Store is the part of an inbox.Store that works on any Database. inbox.Store says what its methods promise.
type Store struct {
	db   Database
	wake chan struct{}
}

// New returns a Store on a database.
func New(db Database) *Store { return &Store{db: db, wake: make(chan struct{}, 1)} }

func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) signalWake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write runs a write and wraps its error.
func (s *Store) write(ctx context.Context, operation string, relaxed bool, work func(Tx) error) error {
	return s.db.Wrap(ctx, operation, s.db.Write(ctx, relaxed, work))
}

// collect returns a scan that appends the one number of each row.
func collect(numbers *[]int64) func(Row) error {
	return func(row Row) error {
		var n int64
		err := row.Scan(&n)
		*numbers = append(*numbers, n)
		return err
	}
}

// gather returns a scan that puts the key and the value of each row into a map.
func gather[K comparable, V any](pairs map[K]V) func(Row) error {
	return func(row Row) error {
		var key K
		var value V
		err := row.Scan(&key, &value)
		pairs[key] = value
		return err
	}
}

// columns are what scanDelivery reads, in its order.
const columns = `d.id, d.provider, d.scope, d.kind, d.lane, d.dedupe_key, d.fingerprint, d.occurred_at, d.received_at, d.state, d.reason,
d.conflict_of, d.settled_at, d.attempts, d.unmatched_since, d.duplicates, d.last_duplicate_at, d.trace_parent`

// scanDelivery reads columns, then more columns that were selected.
func scanDelivery(row Row, d *inbox.Delivery, more ...any) error {
	var state string
	var occurred, received, settled, unmatched, duplicate int64
	dest := []any{
		&d.ID, &d.Provider, &d.Scope, &d.Kind, &d.Lane, &d.DedupeKey, &d.Fingerprint, &occurred, &received, &state, &d.Reason,
		&d.ConflictOf, &settled, &d.Attempts, &unmatched, &d.Duplicates, &duplicate, &d.TraceParent,
	}
	err := row.Scan(append(dest, more...)...)
	d.State = inbox.State(state)
	d.OccurredAt, d.ReceivedAt, d.SettledAt = fromMicros(occurred), fromMicros(received), fromMicros(settled)
	d.UnmatchedSince, d.LastDuplicateAt = fromMicros(unmatched), fromMicros(duplicate)
	return err
}

const selectDelivery = `SELECT ` + columns + `, b.body, CASE d.state WHEN 'pending' THEN coalesce(l.due_at, d.received_at) ELSE 0 END
FROM inbox_delivery AS d LEFT JOIN inbox_body AS b ON b.sequence = d.sequence LEFT JOIN inbox_lane AS l ON l.lane_key = d.lane_key WHERE d.id = ?`

func (s *Store) Get(ctx context.Context, id string) (found inbox.Delivery, err error) {
	err = s.db.Read(ctx, selectDelivery, func(row Row) error {
		var due int64
		err := scanDelivery(row, &found, &found.Body, &due)
		found.DueAt = fromMicros(due)
		return err
	}, id)
	if err == nil && found.ID == "" {
		err = fmt.Errorf("%w: %q", inbox.ErrNotFound, id)
	}
	return found, s.db.Wrap(ctx, "get", err)
}

func (s *Store) List(ctx context.Context, filter inbox.Filter) (page inbox.Page, err error) {
	if err := filter.Validate(); err != nil {
		return page, s.db.Wrap(ctx, "list", err)
	}
	var kinds []kind
	page.Deliveries = []inbox.Delivery{}
	if needsKinds(filter) {
		err = s.db.Read(ctx, "SELECT provider, scope, kind FROM inbox_kind", func(row Row) error {
			var k kind
			err := row.Scan(&k.provider, &k.scope, &k.kind)
			kinds = append(kinds, k)
			return err
		})
	}
	if query, args := listQuery(filter, kinds); err == nil && query != "" {
		err = s.db.Read(ctx, query, func(row Row) error {
			var d inbox.Delivery
			err := scanDelivery(row, &d)
			page.Deliveries = append(page.Deliveries, d)
			return err
		}, args...)
	}
	if size := filter.PageSize(); len(page.Deliveries) > size {
		page.Deliveries, page.Next = page.Deliveries[:size], page.Deliveries[size-1].ID
	}
	return page, s.db.Wrap(ctx, "list", err)
}

// Most deliveries are delivered, so they are counted as all deliveries minus the others.
const (
	countOpen = `SELECT 'pending', count(*) FROM inbox_delivery @delivery_arrived WHERE state = 'pending' AND in_lane = 0
UNION ALL SELECT 'pending', count(*) FROM inbox_delivery @delivery_in_lane WHERE state = 'pending' AND in_lane = 1
UNION ALL SELECT state, count(*) FROM inbox_delivery @delivery_open WHERE state NOT IN ('pending', 'delivered') GROUP BY state`
	countAll = countOpen + ` UNION ALL SELECT 'delivered', count(*) FROM inbox_delivery`
)

func (s *Store) Counts(ctx context.Context, states ...inbox.State) (map[inbox.State]int64, error) {
	if len(states) == 0 {
		states = inbox.States()
	}
	counts := make(map[inbox.State]int64, len(states))
	query := countOpen
	for _, state := range states {
		counts[state] = 0
		if state == inbox.StateDelivered {
			query = countAll
		}
	}
	err := s.db.Read(ctx, query, func(row Row) error {
		var state string
		var n int64
		err := row.Scan(&state, &n)
		if _, asked := counts[inbox.State(state)]; asked {
			counts[inbox.State(state)] += n
		}
		if query == countAll && state != string(inbox.StateDelivered) {
			counts[inbox.StateDelivered] -= n
		}
		return err
	})
	return counts, s.db.Wrap(ctx, "count", err)
}

func (s *Store) OldestPending(ctx context.Context) (oldest time.Time, any bool, err error) {
	var received []int64
	err = s.db.Read(ctx, `SELECT received_at FROM inbox_delivery WHERE id = (SELECT min(id) FROM (
SELECT min(id) AS id FROM inbox_delivery @delivery_arrived WHERE state = 'pending' AND in_lane = 0
UNION ALL SELECT min(id || '') FROM inbox_delivery @delivery_in_lane WHERE state = 'pending' AND in_lane = 1) AS oldest)`, collect(&received))
	if len(received) > 0 {
		oldest = fromMicros(received[0])
	}
	return oldest, len(received) > 0, s.db.Wrap(ctx, "oldest pending", err)
}

func (s *Store) BodiesWithout(ctx context.Context, prefix []byte) (map[inbox.State]inbox.Bodies, error) {
	found := map[inbox.State]inbox.Bodies{}
	query := fmt.Sprintf(`SELECT d.state, count(*), max(d.received_at) FROM inbox_body AS b JOIN inbox_delivery AS d ON d.sequence = b.sequence
WHERE substr(b.body, 1, %d) <> ? GROUP BY d.state`, len(prefix))
	err := s.db.Read(ctx, query, func(row Row) error {
		var state string
		var bodies inbox.Bodies
		var newest int64
		err := row.Scan(&state, &bodies.Count, &newest)
		bodies.Newest = fromMicros(newest)
		found[inbox.State(state)] = bodies
		return err
	}, prefix)
	return found, s.db.Wrap(ctx, "count bodies", err)
}

// micros is a time in microseconds since 1970; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the way back from micros, in UTC.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
