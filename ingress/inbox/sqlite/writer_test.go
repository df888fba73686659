package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

var start = inboxtest.Received

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), filepath.Join(t.TempDir(), "inbox.db"), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestOnlyAProcessThatReceivesBringsTheTablesUpToDate(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	inboxtest.Migrate(t, s, outsideOf(t, s), hasTable, migrations, goose.DialectSQLite3)
}

// outsideOf is a connection of another process to the store's file.
func outsideOf(t *testing.T, s *Store) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(s.db.file.path, url.Values{}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// catch takes the rows of an append as the queue would get them.
type catch struct {
	sqlstore.Database
	rows []*sqlstore.Delivery
}

func (c *catch) Append(_ context.Context, rows []*sqlstore.Delivery, _ int64) error {
	c.rows = rows
	return nil
}

// appendJob is Append up to the queue; the receipts are filled once the job is committed.
func appendJob(t *testing.T, deliveries ...inbox.Delivery) (*job, []inbox.Receipt) {
	t.Helper()
	var c catch
	receipts, err := sqlstore.New(&c).Append(context.Background(), deliveries)
	require.NoError(t, err)
	return &job{rows: c.rows}, receipts
}

// onWriter runs f where the writer's connection may be used.
func onWriter(t *testing.T, s *Store, f func(sqlstore.Tx) error) {
	t.Helper()
	require.NoError(t, s.db.Write(context.Background(), false, f))
}

// limitPages makes the disk full, or not any more.
func limitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	onWriter(t, s, func(tx sqlstore.Tx) error { return setMaxPages(tx, pages) })
}

func TestAJobAtFaultFailsAloneInItsBatch(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	w := s.db.writes
	job1, first := appendJob(t, inboxtest.Pending("a", "1"))
	require.Equal(t, []error{nil}, w.commit([]*job{job1}))

	stolen := inboxtest.Pending("b", "2")
	stolen.ID = first[0].ID
	good, receipts := appendJob(t, inboxtest.Pending("a", "3"), inboxtest.Pending("a", "1"))
	bad, _ := appendJob(t, inboxtest.Pending("b", "4"), stolen)
	late, _ := appendJob(t, inboxtest.Pending("c", "5"))
	errs := w.commit([]*job{good, bad, late})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], inbox.ErrIDTaken)
	require.NoError(t, errs[2])
	require.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
	require.Equal(t, inbox.Receipt{ID: first[0].ID, Outcome: inbox.OutcomeDuplicate}, receipts[1])
	counts, err := s.Counts(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(3), counts[inbox.StatePending])
	d, err := s.Get(context.Background(), first[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Duplicates, "what was undone is not counted")
}

func TestAFullDiskFailsItsBatchAndIsRecoveredFrom(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	ctx := context.Background()
	limitPages(t, s, 1)
	large := inboxtest.Pending("a", "large")
	large.Body = make([]byte, 1<<20)
	one, _ := appendJob(t, large)
	two, _ := appendJob(t, large)
	errs := s.db.writes.commit([]*job{one, two})
	require.ErrorContains(t, errs[0], "full")
	require.Equal(t, errs[0], errs[1], "an outage is not tried once for each")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	outage := s.db.Wrap(ended, "append", errs[0])
	require.ErrorContains(t, outage, "full")
	for _, sentinel := range []error{inbox.ErrBusy, inbox.ErrInvalid, inbox.ErrClosed} {
		require.NotErrorIs(t, outage, sentinel)
	}
	counts, err := s.Counts(ctx)
	require.NoError(t, err)
	require.Zero(t, counts[inbox.StatePending])

	limitPages(t, s, 1<<30)
	receipts, err := s.Append(ctx, []inbox.Delivery{large})
	require.NoError(t, err)
	require.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
}

// beforeEachCommit runs f in a transaction before that of each batch.
func beforeEachCommit(s *Store, f func(sqlstore.Tx) error) {
	s.db.queue.Close()
	s.db.queue = group.New(func(batch []*job) []error {
		s.db.writes.commit([]*job{{work: f}})
		return s.db.writes.commit(batch)
	})
}

func setMaxPages(tx sqlstore.Tx, pages int) error {
	return tx.Each(fmt.Sprintf("PRAGMA max_page_count = %d", pages), func(row sqlstore.Row) error { return row.Scan(new(int)) })
}

func TestAnAppendIsTriedAgainUntilTheDiskHasRoom(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tries := 0
	beforeEachCommit(s, func(tx sqlstore.Tx) error {
		if tries++; tries < 3 {
			return setMaxPages(tx, 1)
		}
		return setMaxPages(tx, 1<<30)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	large := inboxtest.Pending("a", "large")
	large.Body = make([]byte, 1<<20)
	receipts, err := s.Append(ctx, []inbox.Delivery{large})
	require.NoError(t, err)
	require.Equal(t, 3, tries)
	require.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
	counts, err := s.Counts(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(1), counts[inbox.StatePending])
}

func TestAFileThatBecomesReadOnlyIsAnOutageAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for range 2 {
		// SQLite may end the transaction by itself; then the connection is replaced, and this with it.
		onWriter(t, s, func(tx sqlstore.Tx) error {
			_, err := tx.Exec("PRAGMA query_only = 1")
			return err
		})
		one, _ := appendJob(t, inboxtest.Pending("a", "1"))
		two, _ := appendJob(t, inboxtest.Pending("a", "2"))
		errs := s.db.writes.commit([]*job{one, two})
		require.ErrorContains(t, errs[0], "readonly")
		require.Equal(t, errs[0], errs[1], "an outage is not tried once for each")
	}
	onWriter(t, s, func(tx sqlstore.Tx) error {
		_, err := tx.Exec("PRAGMA query_only = 0")
		return err
	})
	_, err := s.Append(context.Background(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
}

func TestAConnectionThatCannotRollBackIsReplaced(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	broken := errors.New("broken")
	err := s.db.Write(context.Background(), false, func(tx sqlstore.Tx) error {
		// The transaction is gone already, as SQLite leaves it after some I/O errors.
		_, err := tx.Exec("ROLLBACK")
		return errors.Join(broken, err)
	})
	require.ErrorIs(t, err, broken)
	_, err = s.Append(context.Background(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	onWriter(t, s, func(tx sqlstore.Tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "auto_vacuum": "2", "busy_timeout": "0"} {
			var got string
			if err := tx.Each("PRAGMA "+pragma, func(row sqlstore.Row) error { return row.Scan(&got) }); err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%s is %s, not %s", pragma, got, want)
			}
		}
		return nil
	})
}

func TestAReplacedConnectionIsClosedAndLeavesTheLog(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), Options{})
	require.NoError(t, err)
	log := s.db.file.path + "-wal"
	for range 3 {
		// As after an erasure, and after a read that was interrupted: the readers' pool has no connection left.
		require.NoError(t, s.db.writes.checkpoints.empty(t.Context()))
		require.Error(t, s.db.Write(t.Context(), false, func(tx sqlstore.Tx) error {
			_, err := tx.Exec("ROLLBACK")
			return errors.Join(errors.New("broken"), err)
		}))
		require.FileExists(t, log, "the last connection that is closed removes it; then the inbox takes nothing until a restart")
		_, err = s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	require.NoFileExists(t, log, "no connection is left open")
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	_, err := s.db.db.Exec("DELETE FROM inbox_delivery")
	require.ErrorContains(t, err, "readonly")
}

// Every query that a store asks must go by an index: a table that is scanned makes every delivery cost more than the one before.
func TestNoQueryScansTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	ctx := context.Background()
	asked := &recorder{Database: s.db}
	store := sqlstore.New(asked)
	receipts, err := store.Append(ctx, []inbox.Delivery{inboxtest.Pending("a", "1"), inboxtest.Pending("a", "2"), inboxtest.Pending("b", "1")})
	require.NoError(t, err)
	_, err = store.Append(ctx, []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	lanes, err := store.Claim(ctx, inbox.ClaimRequest{Owner: "relay", Now: start, Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
	require.NoError(t, err)
	_, err = store.Renew(ctx, inbox.RenewRequest{Claims: inboxtest.Claims(lanes), Until: start.Add(time.Hour)})
	require.NoError(t, err)
	require.NoError(t, store.Settle(ctx, inbox.SettleRequest{Now: start, Claims: inboxtest.Claims(lanes), Settlements: []inbox.Settlement{
		inbox.Finish(receipts[0].ID, inbox.StateDelivered, ""), inbox.Retry(receipts[1].ID, start.Add(1), "", true), inbox.Release(receipts[2].ID),
	}}))
	require.NoError(t, store.Replay(ctx, receipts[0].ID, start))
	_, err = store.Get(ctx, receipts[0].ID)
	require.NoError(t, err)
	_, err = store.Purge(ctx, inbox.PurgeRequest{Now: start, BodiesBefore: start, RowsBefore: start})
	require.NoError(t, err)
	require.NoError(t, store.Erase(ctx, "a", []string{receipts[1].ID}))
	_, err = store.AuditTrail(ctx, "", 1)
	require.NoError(t, err)
	for _, filter := range []inbox.Filter{
		{Cursor: inbox.NewID(start)},
		{Since: start, Until: start.Add(1)},
		{States: []inbox.State{inbox.StateDead}},
		{States: []inbox.State{inbox.StateDead, inbox.StateLate}, Cursor: inbox.NewID(start), Scope: "default"},
		{Scope: "default"},
		{Kind: "case.completed", Since: start},
		{Lane: "a", Since: start},
	} {
		_, err := store.List(ctx, filter)
		require.NoError(t, err)
	}
	require.Greater(t, len(asked.queries), 20)
	for query, args := range asked.queries {
		for _, step := range plan(t, s.db.db, strings.Replace(query, "IN (*)", "IN (?)", 1), args) {
			if strings.HasSuffix(step, "delivery_arrived") || strings.HasSuffix(step, "delivery_in_lane") {
				continue // which holds no more than what is pending
			}
			require.NotRegexp(t, `^SCAN (inbox_delivery|inbox_body|inbox_lane|d|b|l)\b`, step, query)
			if !strings.Contains(query, "|| ''") && !strings.HasPrefix(query, "SELECT d.id") {
				require.NotContains(t, step, "TEMP B-TREE", query)
			}
		}
	}
}

// recorder notes what is asked.
type recorder struct {
	sqlstore.Database
	queries map[string]int
}

func (r *recorder) note(query string, args int) {
	if r.queries == nil {
		r.queries = map[string]int{}
	}
	r.queries[query] = args
}

func (r *recorder) Append(ctx context.Context, rows []*sqlstore.Delivery, _ int64) error {
	return r.Database.Write(ctx, false, func(tx sqlstore.Tx) error {
		return sqlstore.New(r).AppendTo(sqlstore.Tx{Statements: recorded{tx, r}}, rows)
	})
}

func (r *recorder) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) error {
	return r.Database.Write(ctx, relaxed, func(tx sqlstore.Tx) error { return work(sqlstore.Tx{Statements: recorded{tx, r}}) })
}

func (r *recorder) Read(ctx context.Context, query string, scan func(sqlstore.Row) error, args ...any) error {
	r.note(query, len(args))
	return r.Database.Read(ctx, query, scan, args...)
}

type recorded struct {
	sqlstore.Tx
	by *recorder
}

func (r recorded) Run(query string, list any, scan func(sqlstore.Row) error, args ...any) (int64, error) {
	n := len(args)
	if list != nil {
		n++
	}
	r.by.note(query, n)
	return r.Tx.Run(query, list, scan, args...)
}

func (r recorded) Repeat(query string, args [][]any, scan func(int, sqlstore.Row) error) error {
	for _, one := range args {
		r.by.note(query, len(one))
	}
	return r.Tx.Repeat(query, args, scan)
}

func plan(t *testing.T, db *sql.DB, query string, args int) (steps []string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+translate(query), make([]any, args)...)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(t, rows.Err())
	return steps
}
