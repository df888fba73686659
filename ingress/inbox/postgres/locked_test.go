package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
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

// lockedLane is locked by another session in the tests below.
const lockedLane = "locked"

// lockLanes locks the rows of all lanes until the returned function is called, as a person at a prompt may do.
func lockLanes(t testing.TB, address string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	require.NoError(t, err)
	_, err = conn.Exec(context.Background(), "BEGIN; SELECT FROM inbox_lane FOR UPDATE")
	require.NoError(t, err)
	return func() { end(t, conn) }
}

// requireOthersGoOn appends to other lanes, beside callers who append to the locked one for as long as that takes.
func requireOthersGoOn(t *testing.T, s *postgres.Store) (acceptedThere, triedThere int64) {
	t.Helper()
	const callers, each = 8, 50
	var others, stuck sync.WaitGroup
	var accepted, tried atomic.Int64
	done := make(chan struct{})
	for range 4 {
		stuck.Go(func() {
			for {
				tried.Add(1)
				ctx, cancel := context.WithTimeout(context.Background(), 2500*time.Millisecond)
				_, err := s.Append(ctx, []inbox.Delivery{inboxtest.Pending(lockedLane, fmt.Sprint(numbers.Add(1)))})
				cancel()
				if err == nil {
					accepted.Add(1)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range callers {
		others.Go(func() {
			for range each {
				n := numbers.Add(1)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				_, err := s.Append(ctx, []inbox.Delivery{inboxtest.Pending(fmt.Sprint("other-", n), fmt.Sprint(n))})
				cancel()
				if err != nil {
					t.Errorf("an append to a lane that is not locked: %v", err)
					return
				}
			}
		})
	}
	others.Wait()
	close(done)
	stuck.Wait()
	return accepted.Load(), tried.Load()
}

func TestALaneThatAnotherSessionHasLockedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	first, err := s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending(lockedLane, "first")})
	require.NoError(t, err)
	lanes, err := s.Claim(t.Context(), claimAt("relay", received))
	require.NoError(t, err)
	require.Len(t, lanes, 1)
	require.NoError(t, s.Settle(t.Context(), inbox.SettleRequest{
		Now: received, Claims: inboxtest.Claims(lanes), Settlements: []inbox.Settlement{inbox.Release(first[0].ID)},
	}))
	release := lockLanes(t, address)
	accepted, tried := requireOthersGoOn(t, s)
	require.Positive(t, accepted, "what is for the locked lane is accepted as well")
	require.Equal(t, 400, inboxtest.Drain(t, s, "relay", received), "others are claimed and settled")
	release()
	drained := int64(inboxtest.Drain(t, s, "relay", received))
	// One whose caller did not wait for the answer may be stored all the same.
	require.GreaterOrEqual(t, drained, 1+accepted)
	require.LessOrEqual(t, drained, 1+tried)
}

// However many deliveries of the locked lane wait in front.
func TestAClaimFindsALaneBehindManyDeliveriesOfALockedOne(t *testing.T) {
	t.Parallel()
	const before = 600 // with one lane at a time, a claim reads on in pages of 128 at most
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	add := func(lane string, second int) {
		d := inboxtest.Pending(lane, fmt.Sprint(second))
		d.ID = inbox.NewID(received.Add(time.Duration(second) * time.Second))
		_, err := s.Append(t.Context(), []inbox.Delivery{d})
		require.NoError(t, err)
	}
	add(lockedLane, 0)
	_, err := s.Claim(t.Context(), claimAt("relay", received))
	require.NoError(t, err)
	release := lockLanes(t, address)
	many := make([]inbox.Delivery, before)
	for n := range many {
		many[n] = inboxtest.Pending(lockedLane, fmt.Sprint("more-", n))
		many[n].ID = inbox.NewID(received.Add(time.Second))
	}
	_, err = s.Append(t.Context(), many)
	require.NoError(t, err)
	add("idle", 2)
	request := claimAt("relay", received)
	request.MaxLanes = 1
	lanes, err := s.Claim(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []string{"idle"}, slices.Collect(maps.Keys(inboxtest.Claims(lanes))))
	lanes, err = s.Claim(t.Context(), request)
	require.NoError(t, err)
	require.Empty(t, lanes)
	release()
	require.Equal(t, 2+before, inboxtest.Drain(t, s, "relay", received.Add(inbox.MaxWait)), "all, once the leases have ended")
}

func TestADeliveryThatAnotherSessionHasLockedHoldsUpItsLaneAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lanes  []string
		locked int
		most   int
		others []string
	}{
		"among the oldest":       {[]string{lockedLane, "a", lockedLane, "b"}, 0, 100, []string{"a", "b"}},
		"behind another":         {[]string{lockedLane, "a", lockedLane, "b"}, 2, 100, []string{"a", "b"}},
		"alone among the oldest": {[]string{lockedLane, lockedLane, lockedLane, "a"}, 1, 1, []string{"a"}},
		"behind the oldest":      {[]string{"a", "b", "a", "b"}, 2, 1, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Shared(t).Database(t)
			s := open(t, address)
			var all []inbox.Delivery
			for n, lane := range tt.lanes {
				d := inboxtest.Pending(lane, fmt.Sprint(n))
				d.ID = inbox.NewID(received.Add(time.Duration(n) * time.Second))
				all = append(all, d)
			}
			_, err := s.Append(t.Context(), all)
			require.NoError(t, err)
			conn, err := pgx.Connect(t.Context(), address)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), "BEGIN; SELECT FROM inbox_delivery WHERE id = '"+all[tt.locked].ID+"' FOR UPDATE")
			require.NoError(t, err)
			request := claimAt("relay", received.Add(time.Minute))
			request.MaxLanes = tt.most
			lanes, err := s.Claim(t.Context(), request)
			require.NoError(t, err)
			require.ElementsMatch(t, tt.others, slices.Collect(maps.Keys(inboxtest.Claims(lanes))))
			end(t, conn)

			var rest []string
			for _, lane := range lanes {
				rest = append(rest, keysOf(lane)...)
			}
			for range tt.lanes {
				lanes, err = s.Claim(t.Context(), request)
				require.NoError(t, err)
				for _, lane := range lanes {
					require.True(t, slices.IsSorted(keysOf(lane)), lane.Name)
					rest = append(rest, keysOf(lane)...)
				}
			}
			if tt.others[0] != tt.lanes[tt.locked] {
				require.Len(t, rest, len(all), "all are handed out once it is free")
			}
		})
	}
}

func TestALockedTableFailsTheCheck(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	require.NoError(t, s.Check(t.Context()))
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "BEGIN; SELECT FROM inbox_delivery FOR UPDATE")
	require.NoError(t, err)
	require.NoError(t, s.Check(t.Context()), "the inbox stores what is not locked")
	_, err = conn.Exec(t.Context(), "LOCK TABLE inbox_delivery IN SHARE MODE")
	require.NoError(t, err)
	require.ErrorIs(t, s.Check(t.Context()), inbox.ErrLocked)
	end(t, conn)
	require.NoError(t, s.Check(t.Context()))
}

func keysOf(lane inbox.Lane) (keys []string) {
	for _, d := range lane.Deliveries {
		keys = append(keys, d.DedupeKey)
	}
	return keys
}

func TestALaneThatIsLockedWhenItIsSettledHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	in := func(lanes ...string) (all []inbox.Delivery) {
		for _, lane := range lanes {
			all = append(all, inboxtest.Pending(lane, "1"))
		}
		return all
	}
	locked, err := s.Append(t.Context(), in(lockedLane, "kept"))
	require.NoError(t, err)
	lanes, err := s.Claim(t.Context(), claimAt("relay", received))
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	claims := inboxtest.Claims(lanes)
	release := lockLanes(t, address)
	others, err := s.Append(t.Context(), in("a", "b"))
	require.NoError(t, err)
	lanes, err = s.Claim(t.Context(), claimAt("relay", received))
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	maps.Copy(claims, inboxtest.Claims(lanes))
	renewed, err := s.Renew(t.Context(), inbox.RenewRequest{Claims: claims, Until: received.Add(time.Minute)})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a", "b"}, renewed)
	settle := func(settlements ...inbox.Settlement) error {
		return s.Settle(t.Context(), inbox.SettleRequest{Now: received, Claims: claims, Settlements: settlements})
	}
	err = settle(inbox.Retry(locked[1].ID, received, "later", true), inbox.Finish(others[0].ID, inbox.StateDelivered, ""))
	require.ErrorIs(t, err, inbox.ErrLocked)
	require.ErrorIs(t, err, inbox.ErrBusy)
	d, err := s.Get(t.Context(), others[0].ID)
	require.NoError(t, err)
	require.Equal(t, inbox.StatePending, d.State, "all or none")
	all := claims
	claims = inboxtest.Claims(lanes)
	require.NoError(t, settle(inbox.Finish(others[0].ID, inbox.StateDelivered, ""), inbox.Release(others[1].ID)))
	lanes, err = s.Claim(t.Context(), claimAt("relay", received))
	require.NoError(t, err)
	require.Len(t, lanes, 1)
	require.Equal(t, "b", lanes[0].Name)
	release()
	claims = all
	for range 2 {
		require.NoError(t, settle(inbox.Finish(locked[0].ID, inbox.StateDelivered, ""), inbox.Retry(locked[1].ID, received, "later", true)))
	}
	d, err = s.Get(t.Context(), locked[1].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Attempts, "no attempt is lost, and none is counted twice")
	require.Equal(t, 2, ask[int](t, address, "SELECT count(*) FROM inbox_lane"), "of what was retried and what is claimed")
}

// stoppedAddress names the database for the child process of the next test.
const stoppedAddress = "SIGNALBOX_TEST_STOPPED_ADDRESS"

// appendUntilKilled is the child: it appends to the lane for as long as it lives.
func appendUntilKilled() bool {
	address := testenv.Variable(stoppedAddress)
	if address == "" {
		return false
	}
	s, err := postgres.Open(context.Background(), address, postgres.Options{})
	if err != nil {
		panic(err)
	}
	for n := 0; ; n++ {
		// Its parent holds it up, and the server ends its session.
		_, _ = s.Append(context.Background(), []inbox.Delivery{inboxtest.Pending(lockedLane, fmt.Sprint("child-", n))})
	}
}

func TestAReplicaThatIsStoppedWithinATransactionHoldsUpNoOtherLane(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	child := testenv.Child(t, stoppedAddress+"="+address+"&application_name=child")
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait(), "killed")
	})
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	sessions := func(state, also string) (count int) {
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'child' AND datname = current_database()
AND state LIKE $1`+also, state).Scan(&count))
		return count
	}
	stored := func() (count int) {
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM inbox_delivery WHERE dedupe_key LIKE 'child-%'").Scan(&count))
		return count
	}
	inTransaction := func() bool { return sessions("idle in transaction%", "") > 0 }
	waited := make(chan error, 1)
	// The server ends a stopped session after 5 s. On a slow machine it may be gone too early: then the child goes on, and is stopped again.
	held := false
	for tries := 0; !held && tries < 10; tries++ {
		if tries > 0 {
			require.NoError(t, <-waited)
			require.NoError(t, child.Process.Signal(syscall.SIGCONT))
		}
		// It is stopped anywhere, until that is within a transaction.
		require.Eventually(t, func() bool {
			before := stored()
			require.Eventually(t, func() bool { return stored() > before }, time.Minute, time.Millisecond, "the child appends")
			require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
			// What it has sent before is still carried out.
			within := func() bool {
				return sessions("idle in transaction%", " AND clock_timestamp() - state_change > '50 ms'") > 0
			}
			require.Eventually(t, func() bool { return within() || sessions("idle", "") == sessions("%", "") }, time.Minute, time.Millisecond)
			if within() {
				return true
			}
			require.NoError(t, child.Process.Signal(syscall.SIGCONT))
			return false
		}, time.Minute, time.Millisecond)
		// The child's own event, sent to this replica as well, waits for the session of the stopped process to end.
		inChild := inboxtest.Pending(lockedLane, fmt.Sprint("child-", stored()))
		go func() {
			_, err := s.Append(context.Background(), []inbox.Delivery{inChild})
			waited <- err
		}()
		waits := false
		require.Eventually(t, func() bool {
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
AND datname = current_database())`).Scan(&waits))
			return waits || !inTransaction()
		}, time.Minute, time.Millisecond, "it waits")
		_, err = s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending(lockedLane, fmt.Sprint("during-", tries))})
		require.NoError(t, err)
		held = waits && inTransaction()
	}
	require.True(t, held, "an append to the lane waits for the stopped session")
	requireOthersGoOn(t, s)
	require.NoError(t, <-waited)
	require.Eventually(t, func() bool { return sessions("idle in transaction%", "") == 0 }, time.Minute, 10*time.Millisecond,
		"the server ends the session of the process, though that is still stopped")
}

// A claim puts a delivery into a lane, just as a settlement deletes the lane's row with the last delivery.
func TestAClaimAndTheSettlementOfALanesLastDeliveryThatMeetLoseNothing(t *testing.T) {
	t.Parallel()
	const workers, rounds = 8, 40
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address)}
	// held has the claims of the lanes that the workers hand each other.
	var held sync.Map
	claim := func(s *postgres.Store, owner string) (claims map[string]int64, released []inbox.Settlement) {
		lanes, err := claimUnlocked(s, claimAt(owner, received))
		if err != nil {
			t.Error(err)
		}
		for _, lane := range lanes {
			held.Store(lane.Name, lane.Claim)
			for _, d := range lane.Deliveries {
				released = append(released, inbox.Release(d.ID))
			}
		}
		return inboxtest.Claims(lanes), released
	}
	settle := func(s *postgres.Store, claims map[string]int64, all ...inbox.Settlement) {
		if err := settleUnlocked(s, inbox.SettleRequest{Now: received, Claims: claims, Settlements: all}); err != nil {
			t.Error(err)
		}
	}
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for n := range rounds {
				lane := fmt.Sprint(w, "/", n)
				first, err := stores[n%2].Append(context.Background(), []inbox.Delivery{inboxtest.Pending(lane, "1")})
				if err != nil {
					t.Error(err)
					return
				}
				claim(stores[1-w%2], "x")
				claims := map[string]int64{}
				if number, claimed := held.Load(lane); claimed {
					claims[lane] = number.(int64)
				}
				var meeting sync.WaitGroup
				meeting.Go(func() {
					if _, err := stores[w%2].Append(context.Background(), []inbox.Delivery{inboxtest.Pending(lane, "2")}); err != nil {
						t.Error(err)
					}
					claims, released := claim(stores[w%2], "y")
					settle(stores[w%2], claims, released...)
				})
				meeting.Go(func() { settle(stores[1-w%2], claims, inbox.Finish(first[0].ID, inbox.StateDelivered, "")) })
				meeting.Wait()
			}
		})
	}
	working.Wait()
	require.Zero(t, ask[int](t, address, missingLanes))
	require.Equal(t, workers*rounds, inboxtest.Drain(t, stores[0], "relay", received.Add(time.Hour)))
}

func TestAppendersAndSettlersOfAFewLanesHandOutEverything(t *testing.T) {
	t.Parallel()
	const appenders, each, lanes, settlers = 12, 60, 3, 4
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address)}
	var appending, settling sync.WaitGroup
	for a := range appenders {
		appending.Go(func() {
			for n := range each {
				d := inboxtest.Pending(fmt.Sprint("lane-", (a+n)%lanes), fmt.Sprint(a, "/", n))
				if _, err := stores[a%2].Append(context.Background(), []inbox.Delivery{d}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all := make(chan struct{})
	go func() {
		appending.Wait()
		close(all)
	}()
	var settled atomic.Int64
	for c := range settlers {
		settling.Go(func() {
			for over := false; ; {
				lanes, err := claimUnlocked(stores[c%2], claimAt(fmt.Sprint("relay-", c), received))
				if err != nil {
					t.Error(err)
					return
				}
				if len(lanes) == 0 && over {
					return
				}
				select {
				case <-all:
					over = true
				default:
				}
				for lane := range slices.Values(lanes) {
					var ends []inbox.Settlement
					for _, d := range lane.Deliveries {
						ends = append(ends, inbox.Finish(d.ID, inbox.StateDelivered, ""))
					}
					claims := map[string]int64{lane.Name: lane.Claim}
					if err := settleUnlocked(stores[c%2], inbox.SettleRequest{Now: received, Claims: claims, Settlements: ends}); err != nil {
						t.Error(err)
						return
					}
					settled.Add(int64(len(ends)))
				}
			}
		})
	}
	settling.Wait()
	require.Zero(t, ask[int](t, address, missingLanes))
	rest := inboxtest.Drain(t, stores[0], "rest", received.Add(inbox.MaxWait))
	require.Equal(t, int64(appenders*each), settled.Load()+int64(rest), "everything was handed out")
	require.Zero(t, ask[int](t, address, "SELECT count(*) FROM inbox_lane"))
}
