package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
)

// interval is when an append was called and when it had returned, by one clock for all.
type interval struct{ called, returned int64 }

// order watches what two replicas take in and hand out.
type order struct {
	sync.Mutex
	clock    atomic.Int64
	appended map[string]interval
	out      map[string]string
	finished map[string][]string
}

// What is promised is the order that somebody could have seen: an append that had returned before another was called comes first,
// whichever replica it went to.
func TestReplicasKeepTheOrderOfEachLaneAndHandItOutToOneAtATime(t *testing.T) {
	t.Parallel()
	const lanes, perAppender, appenders, claimers = 5, 40, 3, 2
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address)}
	o := &order{appended: map[string]interval{}, out: map[string]string{}, finished: map[string][]string{}}
	var appending, claiming sync.WaitGroup
	for a := range appenders * len(stores) {
		random := rand.New(rand.NewPCG(uint64(a), 1))
		appending.Go(func() {
			for n := range perAppender {
				batch := make([]inbox.Delivery, 1+random.IntN(3))
				for i := range batch {
					batch[i] = inboxtest.Pending(fmt.Sprint("lane-", random.IntN(lanes)), fmt.Sprint(a, "/", n, "/", i))
				}
				called := o.clock.Add(1)
				receipts, err := stores[a%len(stores)].Append(context.Background(), batch)
				returned := o.clock.Add(1)
				if err != nil {
					t.Error(err)
					return
				}
				o.Lock()
				for _, r := range receipts {
					o.appended[r.ID] = interval{called, returned}
				}
				o.Unlock()
			}
		})
	}
	all := make(chan struct{})
	go func() {
		appending.Wait()
		close(all)
	}()
	for c := range claimers * len(stores) {
		random := rand.New(rand.NewPCG(uint64(c), 2))
		claiming.Go(func() {
			o.claimUntilEmpty(t, stores[c%len(stores)], fmt.Sprint("relay-", c), received.Add(time.Hour), random, all)
		})
	}
	claiming.Wait()
	// A lane that was locked for long when it was settled waits for the end of its lease.
	o.claimUntilEmpty(t, stores[0], "last", received.Add(2*time.Hour), rand.New(rand.NewPCG(0, 3)), all)

	total := 0
	for lane, ids := range o.finished {
		latest := int64(0)
		for _, id := range ids {
			at := o.appended[id]
			require.GreaterOrEqual(t, at.returned, latest, "in %s a delivery came after one that was appended later", lane)
			latest = max(latest, at.called)
		}
		total += len(ids)
	}
	require.Len(t, o.appended, total, "each delivery ended once")
	counts, err := stores[0].Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(total), counts[inbox.StateDelivered])
	require.Zero(t, counts[inbox.StatePending])
}

// claimUntilEmpty settles some of what it claims from the head on, gives the rest back, and returns when all is appended and nothing due.
func (o *order) claimUntilEmpty(t *testing.T, s *postgres.Store, owner string, now time.Time, random *rand.Rand, all <-chan struct{}) {
	for over := false; ; {
		// Everything is due, and no lease ends.
		claimed, err := claimUnlocked(s, inbox.ClaimRequest{
			Owner: owner, Now: now, Lease: inbox.MaxWait, MaxLanes: 1 + random.IntN(3), MaxPerLane: 1 + random.IntN(5),
		})
		if err != nil {
			t.Error(err)
			return
		}
		if len(claimed) == 0 && over {
			return
		}
		select {
		case <-all:
			over = true
		default:
		}
		o.Lock()
		var settlements []inbox.Settlement
		for _, lane := range claimed {
			if holder, out := o.out[lane.Name]; out {
				t.Errorf("%s is out to %s and to %s", lane.Name, holder, owner)
			}
			o.out[lane.Name] = owner
			if !slices.IsSortedFunc(lane.Deliveries, func(a, b inbox.Delivery) int { return strings.Compare(a.ID, b.ID) }) {
				t.Errorf("%s is handed out in another order than that of the IDs", lane.Name)
			}
			end := random.IntN(len(lane.Deliveries) + 1)
			for i, d := range lane.Deliveries {
				if i < end {
					o.finished[lane.Name] = append(o.finished[lane.Name], d.ID)
					settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
				} else {
					settlements = append(settlements, inbox.Release(d.ID))
				}
			}
		}
		for _, lane := range claimed {
			delete(o.out, lane.Name)
		}
		o.Unlock()
		if err := settleUnlocked(s, inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(claimed), Settlements: settlements}); err != nil {
			t.Error(err)
			return
		}
	}
}

// claimUnlocked claims as soon as no other session has locked what it needs.
func claimUnlocked(s *postgres.Store, request inbox.ClaimRequest) (lanes []inbox.Lane, err error) {
	err = inboxtest.UntilUnlocked(func() (err error) {
		lanes, err = s.Claim(context.Background(), request)
		return err
	})
	return lanes, err
}

func settleUnlocked(s *postgres.Store, request inbox.SettleRequest) error {
	return inboxtest.UntilUnlocked(func() error { return s.Settle(context.Background(), request) })
}

func TestAKeyThatComesToTwoReplicasAtOnceIsOneDelivery(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address)}
	const many = 60
	receipts := make([][]inbox.Receipt, 3*len(stores))
	var callers sync.WaitGroup
	for c := range receipts {
		callers.Go(func() {
			for i := range many {
				d := inboxtest.Pending("lane", fmt.Sprint(i))
				if i%3 == 1 {
					// Without a lane there is no lock of a lane either.
					d.Lane, d.State = "", inbox.StateIgnored
				}
				if i%3 == 2 {
					d.Fingerprint = fmt.Append(nil, c/len(stores))
				}
				got, err := stores[c%len(stores)].Append(context.Background(), []inbox.Delivery{d})
				if err != nil {
					t.Error(err)
					return
				}
				receipts[c] = append(receipts[c], got[0])
			}
		})
	}
	callers.Wait()
	for i := range many {
		outcomes := map[inbox.Outcome]int{}
		for _, of := range receipts {
			outcomes[of[i].Outcome]++
		}
		want := map[inbox.Outcome]int{inbox.OutcomeNew: 1, inbox.OutcomeDuplicate: 5}
		if i%3 == 2 {
			// Three bodies, each from two callers.
			want = map[inbox.Outcome]int{inbox.OutcomeNew: 1, inbox.OutcomeConflict: 2, inbox.OutcomeDuplicate: 3}
		}
		require.Equal(t, want, outcomes, "key %d", i)
	}
}

// Each batch touches what the others touch, in another order: a store that took locks in the order of the call would soon deadlock.
func TestBatchesThatCrossEachOtherDoNotWaitInACircle(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address), open(t, address)}
	var crossing sync.WaitGroup
	for c, s := range stores {
		random := rand.New(rand.NewPCG(uint64(c), 3))
		crossing.Go(func() {
			for range 60 {
				var batch []inbox.Delivery
				for range 40 {
					d := inboxtest.Pending(fmt.Sprint("lane-", random.IntN(12)), fmt.Sprint(random.IntN(30)))
					if random.IntN(3) == 0 {
						d.Lane, d.State = "", inbox.StateIgnored
					}
					d.Fingerprint = fmt.Append(nil, random.IntN(2))
					batch = append(batch, d)
				}
				receipts, err := s.Append(context.Background(), batch)
				if err != nil {
					t.Error(err)
					return
				}
				var ends []inbox.Settlement
				for _, r := range receipts[:10] {
					ends = append(ends, inbox.Finish(r.ID, inbox.StateDelivered, ""))
				}
				if err := settleUnlocked(s, inbox.SettleRequest{Now: received, Settlements: ends}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	crossing.Wait()
	require.Zero(t, ask[int](t, address, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
	counts, err := stores[0].Counts(t.Context())
	require.NoError(t, err)
	for state, n := range counts {
		require.Equal(t, ask[int64](t, address, "SELECT count(*) FROM inbox_delivery WHERE state = '"+string(state)+"'"), n, state)
	}
	require.Zero(t, ask[int](t, address, missingLanes), "there is a row for each lane in which something waits")
}

// missingLanes counts the lanes whose pending deliveries would never be claimed.
const missingLanes = `SELECT count(*) FROM (SELECT lane_key FROM inbox_delivery WHERE state = 'pending' AND in_lane = 1 EXCEPT SELECT lane_key FROM inbox_lane) AS missing`

// Outside any lane nothing but the key is waited for, and only while it is new.
func TestBatchesOfTheSameNewKeysDoNotWaitInACircle(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address), open(t, address)}
	const rounds, keys = 15, 200
	for round := range rounds {
		var crossing sync.WaitGroup
		for c, s := range stores {
			random := rand.New(rand.NewPCG(uint64(c), uint64(round)))
			crossing.Go(func() {
				var batch []inbox.Delivery
				for _, k := range random.Perm(keys) {
					d := inboxtest.Pending("", fmt.Sprint(round, "/", k))
					d.State = inbox.StateIgnored
					batch = append(batch, d)
				}
				if _, err := s.Append(context.Background(), batch); err != nil {
					t.Error(err)
				}
			})
		}
		crossing.Wait()
	}
	require.Zero(t, ask[int](t, address, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
	counts, err := stores[0].Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(rounds*keys), counts[inbox.StateIgnored])
}

func ask[T any](t testing.TB, address, query string) (answer T) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	require.NoError(t, conn.QueryRow(context.Background(), query).Scan(&answer), query)
	return answer
}

func TestReplicasThatStartTogetherMakeTheTablesOnce(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	var starting sync.WaitGroup
	for range 8 {
		starting.Go(func() {
			s, err := postgres.Open(context.Background(), address, postgres.Patient)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	require.Equal(t, 1, ask[int](t, address, "SELECT count(*) FROM signalbox_migration WHERE version_id = 1"))
}

func TestLookingAtADatabaseMakesNoInbox(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	_, err := postgres.Open(t.Context(), address, postgres.PatientNoMigrate)
	require.ErrorIs(t, err, inbox.ErrNoTables)
	require.Zero(t, ask[int](t, address, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'inbox%'"))
	require.NoError(t, postgres.CanMake(t.Context(), address))
	require.NoError(t, open(t, address).Close())
	s, err := postgres.Open(t.Context(), address, postgres.PatientNoMigrate)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
