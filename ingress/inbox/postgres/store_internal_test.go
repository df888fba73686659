package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T, address string) *Store {
	t.Helper()
	s, err := Open(context.Background(), address, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func pendingIn(lane, key string) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Scope: "default", Lane: lane, Kind: "case.completed", DedupeKey: key,
		Body: []byte("sealed"), ReceivedAt: start, State: inbox.StatePending,
	}
}

func TestASessionIsDurableWhateverTheDatabaseDefaultsTo(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	name := regexp.MustCompile(`test_\d+`).FindString(address)
	for _, setting := range []string{"synchronous_commit = off", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"} {
		pgtest.Shared(t).Exec(t, "postgres", "ALTER DATABASE "+name+" SET "+setting)
	}
	s := openStore(t, address+"&synchronous_commit=local")
	for pool, readOnly := range map[*pgxpool.Pool]string{s.writes: "off", s.reads: "on"} {
		for setting, want := range map[string]string{
			"synchronous_commit": "on", "transaction_isolation": "read committed", "transaction_read_only": readOnly, "plan_cache_mode": "force_custom_plan",
			"idle_in_transaction_session_timeout": "10s",
		} {
			var got string
			require.NoError(t, pool.QueryRow(t.Context(), "SHOW "+setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
	}
	_, err := s.reads.Exec(t.Context(), "DELETE FROM signalbox_delivery")
	require.ErrorContains(t, err, "read-only")
}

// appendJob is Append up to the queue.
func appendJob(t *testing.T, deliveries ...inbox.Delivery) *job {
	t.Helper()
	prepared, err := inbox.Prepare(deliveries)
	require.NoError(t, err)
	j := &job{}
	for _, d := range prepared {
		j.rows = append(j.rows, &row{Delivery: d, lane: laneKey(d.Lane), receipt: new(inbox.Receipt)})
	}
	return j
}

func TestAJobAtFaultFailsAloneInItsBatch(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	first := appendJob(t, pendingIn("a", "1"))
	require.Equal(t, []error{nil}, s.commit([]*job{first}))
	stolen := pendingIn("b", "2")
	stolen.ID = first.rows[0].ID
	good, bad, late := appendJob(t, pendingIn("a", "3"), pendingIn("a", "1")), appendJob(t, pendingIn("b", "4"), stolen), appendJob(t, pendingIn("c", "5"))
	errs := s.commit([]*job{good, bad, late})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], inbox.ErrIDTaken)
	require.NoError(t, errs[2])
	require.Equal(t, inbox.OutcomeNew, good.rows[0].receipt.Outcome)
	require.Equal(t, inbox.Receipt{ID: first.rows[0].ID, Outcome: inbox.OutcomeDuplicate}, *good.rows[1].receipt)
	d, err := s.Get(t.Context(), first.rows[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Duplicates, "what was undone is not counted")
}

func TestALaneInWhichOnlyRepetitionsCameIsNotDue(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	receipts, err := s.Append(t.Context(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
	require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{Owner: "x", Now: start, Settlements: []inbox.Settlement{inbox.Finish(receipts[0].ID, inbox.StateDelivered, "")}}))
	lanes := func() (n int) {
		require.NoError(t, s.reads.QueryRow(t.Context(), "SELECT count(*) FROM signalbox_lane").Scan(&n))
		return n
	}
	require.Zero(t, lanes(), "nothing waits, and no row is kept")
	_, err = s.Append(t.Context(), []inbox.Delivery{pendingIn("a", "1"), pendingIn("b", "1")})
	require.NoError(t, err)
	require.Equal(t, 1, lanes())

	// The repetition asked to be handed out at once; what is new does not.
	later := pendingIn("a", "2")
	later.DueAt = start.Add(time.Hour)
	_, err = s.Append(t.Context(), []inbox.Delivery{pendingIn("a", "1"), later})
	require.NoError(t, err)
	claimed, err := s.Claim(t.Context(), inbox.ClaimRequest{Owner: "x", Now: start, Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.Equal(t, "b", claimed[0].Name)
}

func TestATransactionThatLostIsTriedAgainAndOtherTroubleIsNot(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	for sql, want := range map[string]int{
		"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$": tries,
		"SELECT 1/0": 1,
	} {
		ran := 0
		err := s.transact(t.Context(), func(ctx context.Context, x *tx) error {
			ran++
			x.queue(sql)
			return x.send(ctx)
		})
		require.Error(t, err)
		require.Equal(t, want, ran, sql)
	}
	_, err := s.Append(t.Context(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err, "the connections are fit for use")
	broken := errors.New("broken")
	require.ErrorIs(t, s.transact(t.Context(), func(context.Context, *tx) error { return broken }), broken)
}

func TestAPurgeWaitsForAReplayAndLeavesItsBody(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	receipts, err := s.Append(t.Context(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
	id := receipts[0].ID
	require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{Owner: "x", Now: start, Settlements: []inbox.Settlement{inbox.Finish(id, inbox.StateDelivered, "")}}))
	purged := make(chan inbox.Purged, 1)
	require.NoError(t, s.transact(t.Context(), func(ctx context.Context, x *tx) error {
		if err := x.replay(ctx, id, cell.Micros(start)); err != nil {
			return err
		}
		if err := x.send(ctx); err != nil {
			return err
		}
		go func() {
			p, err := s.Purge(context.Background(), inbox.PurgeRequest{BodiesBefore: start.Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
			purged <- p
		}()
		require.Eventually(t, func() bool {
			var waiting int
			err := s.reads.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
			return err == nil && waiting == 1
		}, 10*time.Second, 5*time.Millisecond)
		return nil
	}))
	require.Zero(t, (<-purged).Bodies)
	d, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, inbox.StatePending, d.State)
	require.NotEmpty(t, d.Body)
}

// A table that is read from end to end makes every delivery cost more than the one before.
func TestEveryQuestionOnTheHotPathIsAnsweredByAnIndex(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	k, keys := key{}, []key{{}}
	questions := map[string][]any{
		selectByKey: {keys, keys}, selectTaken: {[]string{"a"}}, selectDue: {int64(1), 1}, selectCandidates: {keys, 1},
		handOut: {keys, []int64{1}, "a", int64(1)}, selectHandedOut: {keys},
		selectPlaces: {[]string{"a"}}, selectLanes: {keys}, lockDeliveries: {[]int64{1}}, selectHeads: {keys},
		endAll: {[]int64{1}, []string{"a"}, []string{"a"}, int64(1)}, selectDelivery: {"a"}, selectOldest: nil, selectBodies: {int64(1), 1}, wantLane: {k, int64(1)},
	}
	for query, args := range questions {
		require.NotContains(t, explain(t, s, query, args...), "Seq Scan on signalbox", query)
	}
}

// The server's statistics are of another time: when nothing was pending, or everything.
func TestAPlanDoesNotDependOnWhatStatisticsSay(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]inbox.State{"nothing was pending": inbox.StateIgnored, "all was pending": inbox.StatePending} {
		s := openStore(t, pgtest.Shared(t).Database(t))
		var many []inbox.Delivery
		for i := range 3000 {
			d := pendingIn(fmt.Sprint(i), "1")
			d.State = state
			many = append(many, d)
		}
		_, err := s.Append(t.Context(), many)
		require.NoError(t, err)
		_, err = s.writes.Exec(t.Context(), "ANALYZE")
		require.NoError(t, err)
		list, args, err := listQuery(inbox.Filter{States: []inbox.State{inbox.StatePending}}, 50)
		require.NoError(t, err)
		for query, c := range map[string]struct {
			args  []any
			index string
		}{
			selectCandidates: {[]any{[]key{{}}, 100}, "signalbox_delivery_pending"},
			selectHeads:      {[]any{[]key{{}}}, "signalbox_delivery_pending"},
			selectOldest:     {nil, "signalbox_delivery_state"},
			list:             {args, "signalbox_delivery_state"},
		} {
			require.Contains(t, explain(t, s, query, c.args...), c.index, "%s: %s", name, query)
		}
	}
}

func explain(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.writes.Query(t.Context(), "EXPLAIN "+query, args...)
	require.NoError(t, err, query)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, query)
	return strings.Join(plan, "\n")
}

func TestTextsThatTheTablesCannotHoldAreEscaped(t *testing.T) {
	t.Parallel()
	for plain, written := range map[string]string{
		"":                 "",
		"case.completed ä": "case.completed ä",
		"\uFFFD":           "\uFFFD",
		"a\x00b":           `a\x00b`,
		"\xff":             `\xff`,
		`\x00`:             `\\x00`,
		`\`:                `\\`,
		"\\\x00":           `\\\x00`,
	} {
		require.Equal(t, written, escape(plain))
		require.Equal(t, plain, unescape(written))
	}
	for _, foreign := range []string{`\`, `\x`, `\x1`, `\xzz`, `\n`} {
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
