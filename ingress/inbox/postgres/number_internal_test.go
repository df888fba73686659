package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// numbered are a delivery's place and arrival.
type numbered struct{ Sequence, Received int64 }

func numbers(t *testing.T, s *Store) []numbered {
	t.Helper()
	rows, err := s.reads.Query(t.Context(), "SELECT sequence, received_at FROM signalbox_delivery ORDER BY id")
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[numbered])
	require.NoError(t, err)
	return all
}

func TestAPlaceIsTheArrivalOrTheOneAfterTheLast(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	var last int64
	n := 0
	for _, call := range [][]int{{0}, {5, 5, 5}, {6, 2, 9, 8, 8, 100}, {50}, {50, 103, 3}, {101, 110}} {
		var batch []inbox.Delivery
		for _, micros := range call {
			d := pendingIn("a", fmt.Sprint(n))
			d.ID, d.ReceivedAt = fmt.Sprintf("id-%03d", n), start.Add(time.Duration(micros)*time.Microsecond)
			batch, n = append(batch, d), n+1
		}
		_, err := s.Append(t.Context(), batch)
		require.NoError(t, err)
	}
	for _, one := range numbers(t, s) {
		require.Equal(t, max(last+1, one.Received), one.Sequence)
		last = one.Sequence
	}
}

// No lock of a transaction keeps two processes from taking the same.
func TestNoPlaceIsGivenTwice(t *testing.T) {
	t.Parallel()
	const appenders, calls = 4, 60
	address := pgtest.Shared(t).Database(t)
	var all sync.WaitGroup
	s := openStore(t, address)
	for a := range appenders {
		own := openStore(t, address)
		all.Go(func() {
			for c := range calls {
				d := pendingIn(fmt.Sprint(a), fmt.Sprint(c))
				// Their clocks differ, and one jumps.
				d.ReceivedAt = start.Add(time.Duration(a+c%(a+1)) * time.Second)
				receipts, err := own.Append(context.Background(), []inbox.Delivery{d, pendingIn(fmt.Sprint(a), fmt.Sprint("next ", c))})
				if err != nil || receipts[0].Outcome != inbox.OutcomeNew || receipts[1].Outcome != inbox.OutcomeNew {
					t.Error("append: ", receipts, err)
				}
			}
		})
	}
	all.Wait()
	seen := numbers(t, s)
	require.Len(t, seen, 2*appenders*calls, "one with a place that was taken would be kept out as a repetition")
	for _, one := range seen {
		require.GreaterOrEqual(t, one.Sequence, one.Received)
	}
}

// The lock is the session's: whoever keeps it stops all others.
func TestACallThatIsCutShortKeepsNobodyFromTakingAPlace(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.Shared(t).Database(t))
	broken := errors.New("broken")
	require.ErrorIs(t, s.transact(t.Context(), func(ctx context.Context, x *tx) error {
		x.queue("SELECT pg_advisory_lock(7236833::bigint << 32 | 'signalbox_last'::regclass::oid::bigint)")
		return cmp.Or(x.send(ctx), broken)
	}), broken)
	var held int
	require.NoError(t, s.reads.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&held))
	require.Zero(t, held)
}

// An inbox of the first version had numbers from 1 on, whatever the time.
func TestAnInboxOfTheFirstVersionGetsPlacesByTime(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	old, err := connect(t.Context(), address, 2, "off")
	require.NoError(t, err)
	provider, closeAll, err := gooseProvider(old)
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	for i, seconds := range []int{10, 20, 15, 30} {
		_, err = old.Exec(t.Context(), `WITH made AS (INSERT INTO signalbox_delivery (sequence, id, lane_key, dedupe_hash, provider, scope, lane, kind,
dedupe_key, fingerprint, occurred_at, received_at, state, reason, conflict_of, due_at, settled_at)
VALUES (nextval('signalbox_sequence'), $1, $2, gen_random_uuid(), 'offload', '', 'a', 'x', $1, '', 0, $3, 'pending', '', '', $3, 0) RETURNING sequence)
INSERT INTO signalbox_body SELECT sequence, $1::text::bytea FROM made`, fmt.Sprintf("id-%d", i), laneKey("a"), cell.Micros(start.Add(time.Duration(seconds)*time.Second)))
		require.NoError(t, err)
	}
	_, err = old.Exec(t.Context(), "INSERT INTO signalbox_lane (lane_key, due_at, owner, lease_until, handed_out) VALUES ($1, 0, 'relay', $2, '{1,2}')",
		laneKey("a"), cell.Micros(start.Add(time.Hour)))
	require.NoError(t, err)
	require.NoError(t, closeAll())
	old.Close()

	s := openStore(t, address)
	micros := func(seconds, more int64) int64 { return cell.Micros(start) + seconds*1_000_000 + more }
	require.Equal(t, []numbered{
		{micros(10, 0), micros(10, 0)}, {micros(20, 0), micros(20, 0)}, {micros(20, 1), micros(15, 0)}, {micros(30, 0), micros(30, 0)},
	}, numbers(t, s))
	settle := func(owner string, now time.Time, ids ...string) {
		require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{Owner: owner, Now: now, Settlements: column(ids, func(id string) inbox.Settlement {
			return inbox.Finish(id, inbox.StateDelivered, "")
		})}))
	}
	claim := func() []inbox.Lane {
		lanes, err := s.Claim(t.Context(), inbox.ClaimRequest{Owner: "other", Now: start.Add(time.Minute), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
		require.NoError(t, err)
		return lanes
	}
	require.Empty(t, claim(), "the claim is where it was")
	settle("relay", start, "id-0", "id-1")
	lanes := claim()
	require.Len(t, lanes, 1)
	for i, d := range lanes[0].Deliveries {
		require.Equal(t, fmt.Sprintf("id-%d", i+2), d.ID)
		require.Equal(t, d.ID, string(d.Body))
	}
	next := pendingIn("a", "next")
	_, err = s.Append(t.Context(), []inbox.Delivery{next})
	require.NoError(t, err)
	page, err := s.List(t.Context(), inbox.Filter{Until: start.Add(16 * time.Second)})
	require.NoError(t, err)
	require.Equal(t, []string{"next", "id-2", "id-0"}, column(page.Deliveries, func(d inbox.Delivery) string { return d.DedupeKey }))
}
