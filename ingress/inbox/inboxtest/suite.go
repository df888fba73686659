// Package inboxtest is the suite that every inbox store passes: what the Store interface
// promises, in tests that know nothing of the store behind it.
package inboxtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Run runs the suite. open returns an empty store and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) inbox.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, inbox.Store){
		"a delivery comes back as it was appended":                         roundTrip,
		"a text may hold any bytes":                                        anyBytes,
		"append takes all of a call or nothing":                            allOrNothing,
		"an ID that is taken is refused":                                   takenID,
		"invalid deliveries are refused":                                   invalidDeliveries,
		"a repeated key is counted on the first":                           duplicateCounted,
		"equal keys in one call are one delivery":                          duplicateInOneCall,
		"keys are unique only within provider, scope and lane":             keyScopes,
		"a delivery without a key is never a duplicate":                    noKey,
		"another body under one key is stored and flagged":                 conflict,
		"without a fingerprint the key alone decides":                      noFingerprint,
		"callers that append at once get each key once":                    concurrentAppends,
		"a call whose context has ended is busy":                           endedContext,
		"a lane is handed out in order":                                    laneOrder,
		"a claim keeps to its limits and takes the longest due":            claimLimits,
		"a claim keeps to its bytes and hands out one however large":       claimBytes,
		"a claimed lane is not handed out again":                           claimedLane,
		"a lease that ends frees the lane":                                 leaseEnds,
		"a part of a lane settled gives the rest back":                     partlySettled,
		"what waits holds up nothing else":                                 waitingHoldsUpNobody,
		"a claim that is renewed holds longer":                             renewed,
		"what a clock that was ahead has stored is handed out":             clockAhead,
		"how long a workflow has been missing is kept":                     unmatchedSince,
		"what ends is never handed out again":                              ends,
		"a retry holds the lane back until it is due":                      retryHoldsBack,
		"a retry counts an attempt only when told to":                      retryAttempts,
		"what arrives does not shorten the wait of a lane":                 arrivalKeepsWait,
		"a backlog beyond one claim does not shorten the wait":             backlogKeepsWait,
		"a release gives the lane back untouched":                          release,
		"a retry by an owner whose claim is over changes nothing":          staleRetry,
		"a settlement that is repeated changes nothing":                    settledAgain,
		"an end by an owner whose claim is over counts":                    staleEnd,
		"a first end stays":                                                firstEndStays,
		"a person's ignored replaces all but pending and delivered":        ignoredEnds,
		"invalid claims and settlements are refused":                       invalidClaims,
		"claimers at once hand out every delivery once and in order":       concurrentClaims,
		"a replay hands out again whatever became of it":                   replay,
		"a replay keeps the place in the lane":                             replayOrder,
		"what cannot be replayed is refused":                               replayRefused,
		"a list is newest first and pages without gaps":                    listPages,
		"a list filters by every field":                                    listFilters,
		"any filter lists what it matches of the whole, in its order":      listAgrees,
		"a list refuses a bad cursor or state":                             listRefuses,
		"counts follow every change of state":                              counts,
		"the oldest pending delivery is known":                             oldestPending,
		"bodies that another key has sealed are counted by state":          bodiesWithout,
		"purging bodies keeps rows and keys":                               purgeBodies,
		"what was stored anew keeps its body no longer":                    purgeAnew,
		"purging rows forgets keys but never what is pending":              purgeRows,
		"a purge of many goes on to the end":                               purgeMany,
		"what a clock that was ahead has stored ends":                      purgeAhead,
		"an audit trail is newest first and pages":                         audit,
		"what is erased leaves a trace that recognises it":                 erase,
		"an act on a subject is found":                                     audited,
		"an erased lane is only a hash in the audit trail":                 eraseSubjects,
		"trimming bounds one sender and spares the last kinds":             trim,
		"what came again is not the first to be trimmed":                   trimByLastArrival,
		"a wake follows what becomes due":                                  wakes,
		"a closed store says so":                                           closed,
		"appending in an end or quarantine is kept out of claims":          notPending,
		"a quarantined delivery can be ended":                              quarantineEnds,
		"any order of operations keeps the counts and the order of a lane": randomOperations,
		"any order of claims loses no lane and hands none out twice":       randomClaims,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &remembered{Store: open(t), lanes: map[string]inbox.Lane{}})
		})
	}
}

// start is when every test begins.
var start = Received

// at is a time so many seconds after the start.
func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// Pending returns a pending delivery in a lane. Another key gives another body and fingerprint.
func Pending(lane, key string) inbox.Delivery { return delivery(lane, key, Received) }

func delivery(lane, key string, received time.Time) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Scope: "default", Lane: lane, Kind: "case.completed", DedupeKey: key,
		Body: []byte("sealed " + key), Fingerprint: []byte("print of " + key),
		ReceivedAt: received, State: inbox.StatePending,
	}
}

func add(t *testing.T, s inbox.Store, deliveries ...inbox.Delivery) []inbox.Receipt {
	t.Helper()
	receipts, err := s.Append(context.Background(), deliveries)
	require.NoError(t, err)
	require.Len(t, receipts, len(deliveries))
	return receipts
}

// RetryBusy makes a call, and makes it again while the store is busy, as it is on a slow disk.
func RetryBusy(t testing.TB, call func() error) {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		err := call()
		if !errors.Is(err, inbox.ErrBusy) {
			require.NoError(t, err)
			return
		}
		select {
		case <-limit:
			require.NoError(t, err)
		default:
		}
	}
}

func get(t *testing.T, s inbox.Store, id string) inbox.Delivery {
	t.Helper()
	d, err := s.Get(context.Background(), id)
	require.NoError(t, err)
	return d
}

func request(owner string, now time.Time) inbox.ClaimRequest {
	return inbox.ClaimRequest{Owner: owner, Now: now, Lease: time.Minute, MaxLanes: 100, MaxPerLane: 100}
}

// claimKeys claims and returns the dedupe keys by lane.
func claimKeys(t *testing.T, s inbox.Store, r inbox.ClaimRequest) map[string][]string {
	t.Helper()
	claimed := map[string][]string{}
	for _, lane := range claim(t, s, r) {
		require.NotContains(t, claimed, lane.Name, "a lane comes once in a claim")
		for _, d := range lane.Deliveries {
			require.Equal(t, lane.Name, d.Lane)
			require.Equal(t, inbox.StatePending, d.State)
			require.NotEmpty(t, d.Body)
			claimed[lane.Name] = append(claimed[lane.Name], d.DedupeKey)
		}
	}
	return claimed
}

func claim(t *testing.T, s inbox.Store, r inbox.ClaimRequest) []inbox.Lane {
	t.Helper()
	lanes, err := s.Claim(context.Background(), r)
	require.NoError(t, err)
	return lanes
}

// settle settles under the claims with which the owner was last handed out the deliveries.
func settle(t *testing.T, s inbox.Store, owner string, now time.Time, settlements ...inbox.Settlement) {
	t.Helper()
	r, ok := s.(*remembered)
	require.True(t, ok)
	require.NoError(t, s.Settle(context.Background(), inbox.SettleRequest{Now: now, Claims: r.of(owner, settlements), Settlements: settlements}))
}

// remembered is a store that remembers what it has handed out.
type remembered struct {
	inbox.Store
	mu sync.Mutex
	// lanes are by owner and delivery.
	lanes map[string]inbox.Lane
}

func (c *remembered) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	lanes, err := c.Store.Claim(ctx, request)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, lane := range lanes {
		for _, d := range lane.Deliveries {
			c.lanes[request.Owner+" "+d.ID] = lane
		}
	}
	return lanes, err
}

func (c *remembered) of(owner string, settlements []inbox.Settlement) map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lanes []inbox.Lane
	for _, one := range settlements {
		if lane, claimed := c.lanes[owner+" "+one.ID]; claimed {
			lanes = append(lanes, lane)
		}
	}
	return Claims(lanes)
}

// Claims returns the numbers of the claims by lane, as a settlement takes them.
func Claims(lanes []inbox.Lane) map[string]int64 {
	numbers := make(map[string]int64, len(lanes))
	for _, lane := range lanes {
		numbers[lane.Name] = lane.Claim
	}
	return numbers
}

func requireCounts(t *testing.T, s inbox.Store, want map[inbox.State]int64) {
	t.Helper()
	counts, err := s.Counts(context.Background())
	require.NoError(t, err)
	for _, state := range inbox.States() {
		require.Contains(t, counts, state)
		require.Equal(t, want[state], counts[state], "state %s", state)
	}
}

func keys(deliveries []inbox.Delivery) []string {
	var all []string
	for _, d := range deliveries {
		all = append(all, d.DedupeKey)
	}
	return all
}

func lane(n int) string { return fmt.Sprintf("offload-case/order-%d", n) }
