package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// crashAddress names the database for the child process of the crash test.
const crashAddress = "SIGNALBOX_TEST_CRASH_ADDRESS"

// claimUntilKilled is the child: it claims, prints the number of lanes, and waits to be killed.
func claimUntilKilled() bool {
	address := testenv.Variable(crashAddress)
	if address == "" {
		return false
	}
	s, err := postgres.Open(context.Background(), address, postgres.Options{})
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
	return inbox.ClaimRequest{Owner: owner, Now: now, Lease: time.Minute, MaxLanes: 100, MaxPerLane: 100}
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
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "2\n", said)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed")

	lanes, err := s.Claim(t.Context(), claimAt("other", received.Add(59*time.Second)))
	require.NoError(t, err)
	require.Empty(t, lanes, "the lease outlives its process")
	lanes, err = s.Claim(t.Context(), claimAt("other", received.Add(time.Minute)))
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	for _, lane := range lanes {
		if lane.Name == "a" {
			require.Equal(t, "1", lane.Deliveries[0].DedupeKey)
			require.Equal(t, "2", lane.Deliveries[1].DedupeKey)
		}
	}
}

// acknowledged are the IDs whose Append returned no error.
type acknowledged struct {
	sync.Mutex
	ids map[string]bool
	// slowest is the longest that a call took, accepted or not.
	slowest time.Duration
}

func TestEveryAcknowledgedDeliverySurvivesAServerThatIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address)}
	acks := acknowledged{ids: map[string]bool{}}
	var accepted, failed atomic.Int64
	const budget = time.Second
	ctx, stop := context.WithCancel(t.Context())
	var appending sync.WaitGroup
	for c := range 16 {
		appending.Go(func() {
			for ctx.Err() == nil {
				n := numbers.Add(1)
				within, cancel := context.WithTimeout(t.Context(), budget)
				began := time.Now()
				receipts, err := stores[c%len(stores)].Append(within, []inbox.Delivery{delivery(n)})
				took := time.Since(began)
				cancel()
				acks.Lock()
				acks.slowest = max(acks.slowest, took)
				acks.Unlock()
				if err != nil {
					failed.Add(1)
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
	atLeast := func(counter *atomic.Int64, more int64, what string) {
		t.Helper()
		goal := counter.Load() + more
		require.Eventually(t, func() bool { return counter.Load() >= goal }, time.Minute, 5*time.Millisecond, what)
	}
	for _, end := range []func(testing.TB){server.Kill, server.Stop, server.Kill} {
		atLeast(&accepted, 300, "accepted")
		end(t)
		atLeast(&failed, 16, "refused while the server is away")
		server.Restart(t)
	}
	atLeast(&accepted, 300, "accepted again by the same stores")
	stop()
	appending.Wait()
	require.Less(t, acks.slowest, budget+5*time.Second, "no caller waited beyond its context")

	stored := map[string]bool{}
	f := inbox.Filter{Limit: inbox.MaxPage}
	for {
		page, err := stores[0].List(t.Context(), f)
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
	counts, err := stores[1].Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(len(stored)), counts[inbox.StatePending])
	require.Equal(t, len(stored), inboxtest.Drain(t, stores[1], "relay", received.Add(1000*time.Hour)), "and all of it is handed out")
}

func TestARestartOfTheServerFailsNoAppend(t *testing.T) {
	t.Parallel()
	// The budget is that of a webhook.
	const budget, callers, restarts = 8 * time.Second, 16, 3
	server := pgtest.Start(t)
	s := open(t, server.Database(t))
	var accepted atomic.Int64
	var failed sync.Map
	ctx, stop := context.WithCancel(t.Context())
	var appending sync.WaitGroup
	for range callers {
		appending.Go(func() {
			for ctx.Err() == nil {
				within, cancel := context.WithTimeout(context.Background(), budget)
				_, err := s.Append(within, []inbox.Delivery{delivery(numbers.Add(1))})
				cancel()
				if err != nil {
					failed.Store(err.Error(), true)
					continue
				}
				accepted.Add(1)
			}
		})
	}
	goOn := func() {
		goal := accepted.Load() + 200
		require.Eventually(t, func() bool { return accepted.Load() >= goal }, time.Minute, time.Millisecond)
	}
	goOn()
	for quick, tries := 0, 0; quick < restarts && tries < 20; tries++ {
		began := time.Now()
		server.Stop(t)
		server.Restart(t)
		took := time.Since(began)
		goOn()
		if took > budget/2 { // too slow to judge; try again
			failed.Clear()
			continue
		}
		quick++
		failed.Range(func(err, _ any) bool {
			t.Errorf("with the server away for %s: %s", took, err)
			return true
		})
	}
	stop()
	appending.Wait()
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
	require.Eventually(t, func() bool { return errors.Is(s.Check(t.Context()), postgres.ErrUnsuitable) }, time.Minute, time.Millisecond)
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
