package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// crashAddress is the environment variable that gives the child process the address of the database.
const crashAddress = "SIGNALBOX_TEST_CRASH_ADDRESS"

// claimUntilKilled is the child: it claims, prints the number of lanes, and waits to be killed.
func claimUntilKilled() bool {
	address := testenv.Variable(crashAddress)
	if address == "" {
		return false
	}
	s, err := postgres.Open(context.Background(), address, postgres.Patient)
	if err != nil {
		panic(err)
	}
	lanes, err := s.Claim(context.Background(), claimAt("child", received))
	if err != nil {
		panic(err)
	}
	fmt.Println(len(lanes))
	select {}
}

func claimAt(owner string, now time.Time) inbox.ClaimRequest {
	return inbox.ClaimRequest{Owner: owner, Now: now, Lease: 5 * time.Minute, MaxLanes: 100, MaxPerLane: 100}
}

func TestLanesOfAKilledProcessAreClaimableAfterTheirLease(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	_, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1"), inboxtest.Pending("a", "2"), inboxtest.Pending("b", "1")})
	require.NoError(t, err)
	child := testenv.Child(t, crashAddress+"="+address)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	printed, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "2\n", printed)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed")

	lanes, err := s.Claim(t.Context(), claimAt("other", received.Add(5*time.Minute-time.Second)))
	require.NoError(t, err)
	require.Empty(t, lanes, "the lease outlives its process")
	lanes, err = s.Claim(t.Context(), claimAt("other", received.Add(5*time.Minute)))
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	for _, lane := range lanes {
		if lane.Name == "a" {
			require.Equal(t, "1", lane.Deliveries[0].DedupeKey)
			require.Equal(t, "2", lane.Deliveries[1].DedupeKey)
		}
	}
}

// acknowledged holds the IDs of deliveries whose Append returned no error.
type acknowledged struct {
	sync.Mutex
	ids map[string]bool
}

// waitForMore waits until n more appends were accepted.
func waitForMore(t *testing.T, accepted *atomic.Int64, n int64) {
	t.Helper()
	goal := accepted.Load() + n
	require.Eventually(t, func() bool { return accepted.Load() >= goal }, 5*time.Minute, 5*time.Millisecond)
}

func TestEveryAcknowledgedDeliverySurvivesAServerThatIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.Database(t)
	stores := []*postgres.Store{openWith(t, address, postgres.Options{}), openWith(t, address, postgres.Options{})}
	acks := acknowledged{ids: map[string]bool{}}
	const callers = 16
	var accepted atomic.Int64
	var failed [callers]atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var appending sync.WaitGroup
	for c := range callers {
		appending.Go(func() {
			for ctx.Err() == nil {
				n := numbers.Add(1)
				within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				receipts, err := stores[c%len(stores)].Append(within, []inbox.Delivery{delivery(n)})
				cancel()
				if err != nil {
					failed[c].Add(1)
					if errors.Is(err, inbox.ErrInvalid) || errors.Is(err, inbox.ErrClosed) {
						t.Error(err)
						return
					}
					continue
				}
				accepted.Add(1)
				acks.Lock()
				acks.ids[receipts[0].ID] = true
				acks.Unlock()
			}
		})
	}
	// eachFails waits until a call of each caller has failed. It times out if a call outlives its context.
	eachFails := func() {
		t.Helper()
		var before [callers]int64
		for c := range failed {
			before[c] = failed[c].Load()
		}
		for c := range failed {
			require.Eventually(t, func() bool { return failed[c].Load() > before[c] }, 5*time.Minute, 5*time.Millisecond, "caller %d waits beyond its context", c)
		}
	}
	for _, end := range []func(testing.TB){server.Kill, server.Stop, server.Kill} {
		waitForMore(t, &accepted, 300)
		end(t)
		eachFails()
		server.Restart(t)
	}
	waitForMore(t, &accepted, 300) // by the same stores
	stop()
	appending.Wait()
	// A commit may still run after its caller has given up.
	for _, s := range stores {
		require.NoError(t, s.Close())
	}
	require.Eventually(t, func() bool {
		return ask[bool](t, address, `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid())`)
	}, 5*time.Minute, 5*time.Millisecond, "all sessions end")
	s := open(t, address)

	stored := map[string]bool{}
	f := inbox.Filter{Limit: inbox.MaxPage}
	for {
		page, err := s.List(t.Context(), f)
		require.NoError(t, err)
		for _, d := range page.Deliveries {
			stored[d.ID] = true
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for id := range acks.ids {
		require.True(t, stored[id], "acknowledged %s is gone", id)
	}
	counts, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(len(stored)), counts[inbox.StatePending])
	require.Equal(t, len(stored), inboxtest.Drain(t, s, "relay", received.Add(1000*time.Hour)), "and all of it is handed out")
}

// span is a time from one moment to another.
type span struct{ from, to time.Time }

// slowSpans writes to a separate table until the context ends, and returns where that took too long: there the machine was too slow, or the
// server away for too long, to judge an append.
func slowSpans(ctx context.Context, address string, tooLong time.Duration) (slow []span) {
	write := func() error {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS written (n int); INSERT INTO written VALUES (1)")
		return errors.Join(err, conn.Close(ctx))
	}
	each := time.NewTicker(20 * time.Millisecond)
	defer each.Stop()
	last := time.Now()
	for {
		written, now := write() == nil, time.Now()
		if (written || ctx.Err() != nil) && now.Sub(last) > tooLong {
			slow = append(slow, span{last, now})
		}
		if ctx.Err() != nil {
			return slow
		}
		if written {
			last = now
		}
		<-each.C
	}
}

func TestARestartOfTheServerFailsNoAppend(t *testing.T) {
	t.Parallel()
	// The budget is that of a webhook.
	const budget, callers, restarts = 8 * time.Second, 16, 3
	server := pgtest.Start(t)
	address := server.Database(t)
	s := openWith(t, address, postgres.Options{})
	ctx, stop := context.WithCancel(t.Context())
	probing, stopProbing := context.WithCancel(t.Context())
	slow := make(chan []span, 1)
	go func() { slow <- slowSpans(probing, address, budget/2) }()
	var accepted atomic.Int64
	type failure struct {
		span
		err error
	}
	failures := make([][]failure, callers)
	var appending sync.WaitGroup
	for c := range callers {
		appending.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				within, cancel := context.WithTimeout(context.Background(), budget)
				_, err := s.Append(within, []inbox.Delivery{delivery(numbers.Add(1))})
				cancel()
				if err != nil {
					failures[c] = append(failures[c], failure{span{began, time.Now()}, err})
					continue
				}
				accepted.Add(1)
			}
		})
	}
	waitForMore(t, &accepted, 200)
	for range restarts {
		server.Stop(t)
		server.Restart(t)
		waitForMore(t, &accepted, 200)
	}
	stop()
	appending.Wait()
	stopProbing()
	unjudged := <-slow
	for _, f := range slices.Concat(failures...) {
		if !slices.ContainsFunc(unjudged, func(s span) bool { return s.from.Before(f.to) && f.from.Before(s.to) }) {
			t.Errorf("an append fails after %s: %v", f.to.Sub(f.from), f.err)
		}
	}
	t.Logf("%d times the machine was too slow to judge", len(unjudged))
}

// In a failover behind one address, a new connection may meet a server that is a standby until it is promoted.
func TestAnAppendWaitsUntilAStandbyIsPromoted(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.Database(t)
	s := open(t, address)
	data := ask[string](t, address, "SHOW data_directory")
	server.Stop(t)
	require.NoError(t, os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o600))
	server.Restart(t)
	require.Eventually(t, func() bool { return errors.Is(s.Check(t.Context()), postgres.ErrUnsuitable) }, 5*time.Minute, time.Millisecond)
	within, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Append(within, []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.ErrorIs(t, err, inbox.ErrBusy, "it is tried until the end of its time")
	appended := make(chan error, 1)
	go func() {
		_, err := s.Append(context.Background(), []inbox.Delivery{inboxtest.Pending("a", "1")})
		appended <- err
	}()
	require.True(t, ask[bool](t, address, "SELECT pg_promote()"))
	require.NoError(t, <-appended)
}

func TestADatabaseThatDoesNotAnswerIsBusyWithinTheContext(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	held := lockTables(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Append(ctx, []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.ErrorIs(t, err, inbox.ErrBusy)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	held()
	_, err = s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
}
