package inboxtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func laneOrder(t *testing.T, s inbox.Store) {
	// Appended out of order on purpose: the order of arrival counts, and of equal times the order of appending.
	add(t, s, delivery("a", "2", at(5)), delivery("b", "1", at(1)))
	add(t, s, delivery("a", "3", at(5)))
	add(t, s, delivery("b", "2", at(9)), delivery("a", "1", at(4)))
	require.Equal(t, map[string][]string{"a": {"1", "2", "3"}, "b": {"1", "2"}}, claimKeys(t, s, request("relay", at(10))))
}

func claimLimits(t *testing.T, s inbox.Store) {
	later := add(t, s, delivery("later", "1", at(0)))[0].ID
	require.Len(t, claim(t, s, request("relay", at(0))), 1)
	settle(t, s, "relay", at(0), inbox.Retry(later, at(100), "", false))
	for i := range 5 {
		add(t, s, delivery(lane(i), "1", at(i)), delivery(lane(i), "2", at(i)), delivery(lane(i), "3", at(i)))
	}
	r := request("relay", at(50))
	r.MaxLanes, r.MaxPerLane = 2, 2
	require.Equal(t, map[string][]string{lane(0): {"1", "2"}, lane(1): {"1", "2"}}, claimKeys(t, s, r))
	require.Equal(t, map[string][]string{lane(2): {"1", "2"}, lane(3): {"1", "2"}}, claimKeys(t, s, r))
	require.Equal(t, map[string][]string{lane(4): {"1", "2"}}, claimKeys(t, s, r))
	require.Empty(t, claimKeys(t, s, r))
	require.Equal(t, []string{"1"}, claimKeys(t, s, request("relay", at(100)))["later"])
}

func claimBytes(t *testing.T, s inbox.Store) {
	const large, small = 3000, 400
	put := func(lane, key string, size, received int) string {
		d := delivery(lane, key, at(received))
		d.Body = make([]byte, size)
		return add(t, s, d)[0].ID
	}
	put("large", "1", large, 0)
	put("large", "2", large, 0)
	for i := range 3 {
		for k := range 4 {
			put(lane(i), fmt.Sprint(k), small, 1+i)
		}
	}
	r := request("relay", at(10))
	r.MaxBytes = 1000
	require.Equal(t, map[string][]string{"large": {"1"}}, claimKeys(t, s, r), "the delivery that is due longest, although it is larger than MaxBytes")
	require.Equal(t, map[string][]string{lane(0): {"0", "1"}}, claimKeys(t, s, r))
	seen := map[string][]string{"large": {"1"}, lane(0): {"0", "1"}}
	for len(seen) < 4 {
		lanes := claim(t, s, r)
		require.NotEmpty(t, lanes, "what did not fit is not claimed")
		bytes := 0
		for _, l := range lanes {
			require.NotContains(t, seen, l.Name)
			for _, d := range l.Deliveries {
				bytes += len(d.Body)
				seen[l.Name] = append(seen[l.Name], d.DedupeKey)
			}
			require.Equal(t, []string{"0", "1", "2", "3"}[:len(l.Deliveries)], keys(l.Deliveries), "from its head")
		}
		require.LessOrEqual(t, bytes, 1000)
	}
	require.Empty(t, claim(t, s, r), "a lane of which only a part fit is claimed like any other")

	page, err := s.List(context.Background(), inbox.Filter{States: []inbox.State{inbox.StatePending}})
	require.NoError(t, err)
	var settlements []inbox.Settlement
	for _, d := range page.Deliveries {
		if slices.Contains(seen[d.Lane], d.DedupeKey) {
			settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
		}
	}
	settle(t, s, "relay", at(11), settlements...)
	require.Equal(t, map[string][]string{"large": {"2"}, lane(0): {"2", "3"}, lane(1): {"2", "3"}, lane(2): {"2", "3"}}, claimKeys(t, s, request("relay", at(11))))
}

func claimedLane(t *testing.T, s inbox.Store) {
	first := add(t, s, delivery("a", "1", at(0)))[0]
	require.Len(t, claimKeys(t, s, request("one", at(1))), 1)
	add(t, s, delivery("a", "2", at(1)), delivery("b", "1", at(1)))
	require.Equal(t, map[string][]string{"b": {"1"}}, claimKeys(t, s, request("two", at(2))), "not even what came later")
	require.Empty(t, claimKeys(t, s, request("one", at(2))), "nor to the same owner")
	settle(t, s, "one", at(3), inbox.Finish(first.ID, inbox.StateDelivered, ""))
	require.Equal(t, map[string][]string{"a": {"2"}}, claimKeys(t, s, request("two", at(3))))
}

func leaseEnds(t *testing.T, s inbox.Store) {
	add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)))
	require.Len(t, claimKeys(t, s, request("one", at(0))), 1)
	require.Empty(t, claimKeys(t, s, request("two", at(59))))
	require.Equal(t, map[string][]string{"a": {"1", "2"}}, claimKeys(t, s, request("two", at(60))))
	require.Empty(t, claimKeys(t, s, request("one", at(61))))
}

func partlySettled(t *testing.T, s inbox.Store) {
	receipts := add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)))
	claim(t, s, request("one", at(1)))
	settle(t, s, "one", at(2), inbox.Finish(receipts[0].ID, inbox.StateDelivered, ""))
	require.Equal(t, map[string][]string{"a": {"2"}}, claimKeys(t, s, request("two", at(3))))
}

func renewed(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	add(t, s, delivery("a", "1", at(0)), delivery("b", "1", at(0)))
	first := Claims(claim(t, s, request("one", at(0))))
	renew := func(until int, claims map[string]int64) []string {
		t.Helper()
		renewed, err := s.Renew(ctx, inbox.RenewRequest{Claims: claims, Until: at(until)})
		require.NoError(t, err)
		return renewed
	}
	require.Equal(t, []string{"a"}, renew(100, map[string]int64{"a": first["a"], "unknown": 1}))
	require.Equal(t, map[string][]string{"b": {"1"}}, claimKeys(t, s, request("one", at(60))), "only what was renewed is held longer")
	require.Empty(t, renew(500, map[string]int64{"b": first["b"]}), "the same owner has claimed it anew")
	require.Equal(t, map[string][]string{"a": {"1"}, "b": {"1"}}, claimKeys(t, s, request("three", at(120))))
	require.Empty(t, renew(500, first), "all are claimed anew")
	require.Empty(t, renew(500, nil), "nothing to renew")
}

func invalidClaims(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	for name, change := range map[string]func(*inbox.ClaimRequest){
		"owner":      func(r *inbox.ClaimRequest) { r.Owner = "" },
		"time":       func(r *inbox.ClaimRequest) { r.Now = time.Time{} },
		"lease":      func(r *inbox.ClaimRequest) { r.Lease = 0 },
		"long":       func(r *inbox.ClaimRequest) { r.Lease = inbox.MaxWait + 1 },
		"lanes":      func(r *inbox.ClaimRequest) { r.MaxLanes = 0 },
		"deliveries": func(r *inbox.ClaimRequest) { r.MaxPerLane = 0 },
		"bytes":      func(r *inbox.ClaimRequest) { r.MaxBytes = -1 },
	} {
		r := request("relay", at(0))
		change(&r)
		_, err := s.Claim(ctx, r)
		require.ErrorIs(t, err, inbox.ErrInvalid, name)
	}
	for name, r := range map[string]inbox.SettleRequest{
		"time":        {},
		"quarantined": {Now: at(0), Settlements: []inbox.Settlement{inbox.Finish("x", inbox.StateQuarantined, "")}},
		"state":       {Now: at(0), Settlements: []inbox.Settlement{inbox.Finish("x", "gone", "")}},
		"ID":          {Now: at(0), Settlements: []inbox.Settlement{inbox.Release("")}},
	} {
		require.ErrorIs(t, s.Settle(ctx, r), inbox.ErrInvalid, name)
	}
}

// UntilUnlocked repeats a call while another transaction has locked what it needs, for a minute at most.
func UntilUnlocked(call func() error) error {
	for began := time.Now(); ; {
		if err := call(); !errors.Is(err, inbox.ErrLocked) || time.Since(began) > time.Minute {
			return err
		}
	}
}

func concurrentClaims(t *testing.T, s inbox.Store) {
	const lanes, perLane, owners = 40, 10, 4
	for k := range perLane {
		var batch []inbox.Delivery
		for l := range lanes {
			batch = append(batch, delivery(lane(l), fmt.Sprintf("%02d", k), at(k)))
		}
		add(t, s, batch...)
	}
	var mu sync.Mutex
	seen := map[string][]string{}
	var wg sync.WaitGroup
	for o := range owners {
		owner := fmt.Sprint("owner", o)
		wg.Go(func() {
			r := request(owner, at(100))
			r.MaxLanes, r.MaxPerLane = 3, 4
			for {
				var claimed []inbox.Lane
				if err := UntilUnlocked(func() (err error) {
					claimed, err = s.Claim(context.Background(), r)
					return err
				}); err != nil {
					t.Error(err)
					return
				}
				if len(claimed) == 0 {
					// Others may still hold lanes with more behind them: done when all is delivered.
					counts, err := s.Counts(context.Background(), inbox.StatePending)
					if err != nil || counts[inbox.StatePending] == 0 {
						return
					}
					continue
				}
				var settlements []inbox.Settlement
				mu.Lock()
				for _, l := range claimed {
					seen[l.Name] = append(seen[l.Name], keys(l.Deliveries)...)
					for _, d := range l.Deliveries {
						settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
					}
				}
				mu.Unlock()
				settle := inbox.SettleRequest{Now: at(100), Claims: Claims(claimed), Settlements: settlements}
				if err := UntilUnlocked(func() error { return s.Settle(context.Background(), settle) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, lanes)
	for name, got := range seen {
		require.Len(t, got, perLane, "lane %s", name)
		require.True(t, slices.IsSorted(got), "lane %s: %v", name, got)
	}
}
