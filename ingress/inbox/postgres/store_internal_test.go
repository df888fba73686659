package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

var start = inboxtest.Received

func openStore(t *testing.T, address string) *Store {
	t.Helper()
	return openWith(t, address, Patient)
}

func openWith(t *testing.T, address string, options Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), address, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestASessionIsDurableWhateverTheDatabaseDefaultsTo(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	name := regexp.MustCompile(`test_\d+`).FindString(address)
	for _, setting := range []string{"synchronous_commit = off", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"} {
		pgtest.Shared(t).Exec(t, "postgres", "ALTER DATABASE "+name+" SET "+setting)
	}
	s := openWith(t, address+"&synchronous_commit=local", Options{})
	for pool, readOnly := range map[*pgxpool.Pool]string{s.db.writes: "off", s.db.reads: "on"} {
		for setting, want := range map[string]string{
			"synchronous_commit": "on", "transaction_isolation": "read committed", "transaction_read_only": readOnly, "plan_cache_mode": "force_custom_plan",
			"idle_in_transaction_session_timeout": "5s",
		} {
			var got string
			require.NoError(t, pool.QueryRow(t.Context(), "SHOW "+setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
	}
	_, err := s.db.reads.Exec(t.Context(), "DELETE FROM inbox_delivery")
	require.ErrorContains(t, err, "read-only")
}

func TestOnlyAProcessThatReceivesBringsTheTablesUpToDate(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	db := stdlib.OpenDBFromPool(s.db.writes)
	inboxtest.Migrate(t, s, db, hasTable, migrations, goose.DialectPostgres)
	require.NoError(t, db.Close())
}

func finish(receipts []inbox.Receipt) (all []inbox.Settlement) {
	for _, r := range receipts {
		all = append(all, inbox.Finish(r.ID, inbox.StateDelivered, ""))
	}
	return all
}

// queued is a context that tells when its append waits in the queue.
type queued struct {
	context.Context
	tell func()
}

func (q queued) Done() <-chan struct{} {
	q.tell()
	return q.Context.Done()
}

// holdFirstBatch lets the first batch wait until free is closed: what is appended meanwhile makes the second one. It returns the errors of each
// batch's appends, to be read when nothing is appended.
func holdFirstBatch(s *Store) (writing, free chan struct{}, batches *[][]error) {
	writing, free, batches = make(chan struct{}), make(chan struct{}), new([][]error)
	first := sync.OnceFunc(func() {
		close(writing)
		<-free
	})
	s.db.queue.Close()
	s.db.queue = group.New(func(batch []job) []error {
		first()
		errs := s.db.commit(batch)
		*batches = append(*batches, errs)
		return errs
	})
	return writing, free, batches
}

// A batch is made while the first append is being written.
func TestADeliveryAtFaultFailsAloneInItsBatch(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	taken, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	writing, free, batches := holdFirstBatch(s)
	stolen := inboxtest.Pending("b", "2")
	stolen.ID = taken[0].ID
	var appending sync.WaitGroup
	appending.Go(func() {
		_, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "0")})
		assert.NoError(t, err)
	})
	<-writing
	var waiting sync.WaitGroup
	waiting.Add(3)
	appended := func(d ...inbox.Delivery) ([]inbox.Receipt, error) {
		return s.Append(queued{t.Context(), sync.OnceFunc(waiting.Done)}, d)
	}
	appending.Go(func() {
		receipts, err := appended(inboxtest.Pending("a", "3"), inboxtest.Pending("a", "1"))
		assert.NoError(t, err)
		assert.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
		assert.Equal(t, inbox.Receipt{ID: taken[0].ID, Outcome: inbox.OutcomeDuplicate}, receipts[1])
	})
	appending.Go(func() {
		_, err := appended(inboxtest.Pending("b", "4"), stolen)
		assert.ErrorIs(t, err, inbox.ErrIDTaken)
	})
	appending.Go(func() {
		_, err := appended(inboxtest.Pending("c", "5"))
		assert.NoError(t, err)
	})
	waiting.Wait()
	close(free)
	appending.Wait()
	require.Len(t, *batches, 2)
	require.Len(t, (*batches)[1], 3, "the second batch has all the others")
	d, err := s.Get(t.Context(), taken[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Duplicates, "what was undone is not counted")
}

func TestAnAppendThatWaitsForALockDoesNotDelayItsBatch(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := openStore(t, address)
	known, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "BEGIN; SELECT FROM inbox_delivery FOR UPDATE")
	require.NoError(t, err)
	writing, free, batches := holdFirstBatch(s)
	var others, locked sync.WaitGroup
	others.Go(func() {
		_, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "0")})
		assert.NoError(t, err)
	})
	<-writing
	var waiting sync.WaitGroup
	waiting.Add(3)
	for n := range 2 {
		others.Go(func() {
			_, err := s.Append(queued{t.Context(), sync.OnceFunc(waiting.Done)}, []inbox.Delivery{inboxtest.Pending("b", fmt.Sprint(n))})
			assert.NoError(t, err)
		})
	}
	locked.Go(func() {
		receipts, err := s.Append(queued{t.Context(), sync.OnceFunc(waiting.Done)}, []inbox.Delivery{inboxtest.Pending("a", "1")})
		assert.NoError(t, err)
		assert.Equal(t, []inbox.Receipt{{ID: known[0].ID, Outcome: inbox.OutcomeDuplicate}}, receipts)
	})
	waiting.Wait()
	close(free)
	others.Wait()
	_, err = conn.Exec(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	locked.Wait()
	require.Len(t, *batches, 2, "the append that waits is tried again by itself")
	failed := slices.DeleteFunc((*batches)[1], func(err error) bool { return err == nil })
	require.Len(t, failed, 1)
	require.True(t, hasState(failed[0], lockTimeout))
}

func TestAWriteThatLostIsTriedAgainAndOtherTroubleIsNot(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	for sql, want := range map[string]int{
		"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$": len(tries),
		"SELECT 1/0": 1,
	} {
		ran := 0
		err := s.db.Write(t.Context(), false, func(x sqlstore.Tx) error {
			ran++
			_, err := x.Exec(sql)
			return err
		})
		require.Error(t, err)
		require.Equal(t, want, ran, sql)
	}
	_, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err, "the connections are fit for use")
	broken := errors.New("broken")
	require.ErrorIs(t, s.db.Write(t.Context(), false, func(sqlstore.Tx) error { return broken }), broken)
}

// roundTrips counts the batches of statements that are sent.
type roundTrips struct{ atomic.Int64 }

func (*roundTrips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (*roundTrips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *roundTrips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	r.Add(1)
	return ctx
}
func (*roundTrips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*roundTrips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// A batch with one for each of them would never be stored where the server is some milliseconds away.
func TestABatchOfDuplicatesOrConflictsTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	var sent roundTrips
	config := s.db.writes.Config()
	config.ConnConfig.Tracer = &sent
	s.db.writes.Close()
	var err error
	s.db.writes, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	batch := make([]inbox.Delivery, 512)
	for i := range batch {
		batch[i] = inboxtest.Pending(fmt.Sprint(i%100), fmt.Sprint(i))
	}
	var first []inbox.Receipt
	for _, step := range []struct {
		outcome inbox.Outcome
		most    int64
	}{{inbox.OutcomeNew, 2}, {inbox.OutcomeDuplicate, 4}, {inbox.OutcomeConflict, 5}, {inbox.OutcomeDuplicate, 7}} {
		if step.outcome == inbox.OutcomeConflict {
			for i := range batch {
				batch[i].Fingerprint = []byte("of another body")
			}
		}
		sent.Store(0)
		receipts, err := s.Append(t.Context(), batch)
		require.NoError(t, err)
		for i, receipt := range receipts {
			require.Equal(t, step.outcome, receipt.Outcome)
			require.NotEmpty(t, receipt.ID, i)
		}
		require.LessOrEqual(t, sent.Load(), step.most, step.outcome)
		if step.outcome == inbox.OutcomeNew {
			first = receipts
		}
	}
	d, err := s.Get(t.Context(), first[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Duplicates)
}

func TestAPurgePassesOverWhatAReplayHas(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	receipts, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1"), inboxtest.Pending("b", "1")})
	require.NoError(t, err)
	require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{Now: start, Settlements: finish(receipts)}))
	later := start.Add(time.Hour)
	held, err := s.db.writes.Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "SELECT FROM inbox_delivery WHERE id = $1 FOR UPDATE", receipts[0].ID)
	require.NoError(t, err)
	purged, err := s.Purge(t.Context(), inbox.PurgeRequest{BodiesBefore: later})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: 1}, purged)
	purged, err = s.Purge(t.Context(), inbox.PurgeRequest{RowsBefore: later})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Rows: 1}, purged)
	require.NoError(t, held.Rollback(t.Context()))
	require.NoError(t, s.Replay(t.Context(), receipts[0].ID, start))
}

// A purge of bodies comes first, and a replay waits for it.
func TestAReplayThatWaitedForAPurgeFindsTheBodyGone(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	receipts, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{Now: start, Settlements: finish(receipts)}))
	held, err := s.db.writes.Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "SELECT FROM inbox_delivery FOR UPDATE")
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "DELETE FROM inbox_body")
	require.NoError(t, err)
	replayed := make(chan error)
	go func() {
		replayed <- inboxtest.UntilUnlocked(func() error { return s.Replay(context.Background(), receipts[0].ID, start) })
	}()
	require.Eventually(t, func() (waits bool) {
		require.NoError(t, s.db.reads.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())").Scan(&waits))
		return waits
	}, time.Minute, time.Millisecond)
	require.NoError(t, held.Commit(t.Context()))
	require.ErrorIs(t, <-replayed, inbox.ErrNotReplayable)
}

// Their server processes are stopped, so that the connections stay open but nothing comes back, as behind a firewall that has forgotten them.
func TestIdleConnectionsThatDoNotAnswerAreReplaced(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	var held []*pgxpool.Conn
	for range writers {
		conn, err := s.db.writes.Acquire(t.Context())
		require.NoError(t, err)
		held = append(held, conn)
	}
	for _, conn := range held {
		pid := int(conn.Conn().PgConn().PID())
		conn.Release()
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		t.Cleanup(func() { require.NoError(t, syscall.Kill(pid, syscall.SIGCONT)) })
	}
	// The pool pings a connection only after it was idle for a second.
	<-time.After(1100 * time.Millisecond)
	nothing := func(sqlstore.Tx) error { return nil }
	s.db.transactionTimeout = transactionTimeout
	require.ErrorIs(t, s.db.transact(t.Context(), false, wait, nothing), context.DeadlineExceeded)
	require.Zero(t, s.db.writes.Stat().IdleConns(), "the first try that times out replaces them all")
	s.db.transactionTimeout = Patient.transactionTimeout
	require.NoError(t, s.db.transact(t.Context(), false, wait, nothing))
	_, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
}

func TestTextsThatTheTablesCannotHoldAreEscaped(t *testing.T) {
	t.Parallel()
	for plain, written := range map[string]string{
		"":                 "",
		"case.completed ä": "case.completed ä",
		"\uFFFD":           "\uFFFD",
		"a\x00b":           `\x610062`,
		"\xff":             `\xff`,
		`\xff`:             `\x5c786666`,
		`\`:                `\`,
		`a\x00`:            `a\x00`,
	} {
		require.Equal(t, written, escape(plain))
		require.Equal(t, plain, unescape(written))
	}
	for _, foreign := range []string{`\`, `\x1`, `\xzz`, `\n`} {
		require.Equal(t, foreign, unescape(foreign))
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x00\\x00\xff")
	f.Fuzz(func(t *testing.T, plain string) {
		written := escape(plain)
		require.Equal(t, plain, unescape(written))
		require.NotContains(t, written, "\x00")
		require.Equal(t, written, strings.ToValidUTF8(written, ""))
		require.NotEqual(t, escape(plain+"\x00"), escape(plain+`\x00`), fmt.Sprintf("%q", plain))
	})
}

func TestALockedRowIsNamedAlsoAtTheEndOfTheCallersTime(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, (&database{}).Wrap(ended, "append", &pgconn.PgError{Code: lockTimeout}), inbox.ErrLocked)
}
