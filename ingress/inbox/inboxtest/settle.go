package inboxtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func ends(t *testing.T, s inbox.Store) {
	want := map[inbox.State]int64{}
	for _, end := range []inbox.State{inbox.StateDelivered, inbox.StateUnmatched, inbox.StateLate, inbox.StateDead} {
		id := add(t, s, delivery(string(end), "k", at(0)))[0].ID
		require.Len(t, claim(t, s, request("relay", at(1))), 1)
		settle(t, s, "relay", at(2), inbox.Finish(id, end, "because"))
		d := get(t, s, id)
		require.Equal(t, end, d.State)
		require.Equal(t, "because", d.Reason)
		require.Equal(t, at(2), d.SettledAt)
		want[end] = 1
	}
	require.Empty(t, claim(t, s, request("relay", at(1000))))
	requireCounts(t, s, want)
}

func retryHoldsBack(t *testing.T, s inbox.Store) {
	receipts := add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)), delivery("b", "1", at(0)))
	claim(t, s, request("relay", at(1)))
	settle(t, s, "relay", at(2),
		inbox.Retry(receipts[0].ID, at(30), "no such workflow", true), inbox.Retry(receipts[1].ID, at(40), "behind it", false),
		inbox.Finish(receipts[2].ID, inbox.StateDelivered, ""))
	require.Empty(t, claim(t, s, request("relay", at(29))))
	d := get(t, s, receipts[0].ID)
	require.Equal(t, "no such workflow", d.Reason)
	require.Equal(t, at(30), d.DueAt)
	require.Equal(t, map[string][]string{"a": {"1", "2"}}, claimKeys(t, s, request("relay", at(30))), "the whole lane with its head")
}

func retryAttempts(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	for i, counted := range []bool{true, false, true, false} {
		require.Len(t, claim(t, s, request("relay", at(10*i))), 1)
		settle(t, s, "relay", at(10*i), inbox.Retry(id, at(10*i+5), "", counted))
	}
	require.Equal(t, 2, get(t, s, id).Attempts)
	require.Equal(t, inbox.StatePending, get(t, s, id).State)
}

// Lanes that wait or are tried again and again must not keep what has arrived from being handed out.
func waitingHoldsUpNobody(t *testing.T, s inbox.Store) {
	r := request("relay", at(1))
	r.MaxLanes = 2
	var waiting []inbox.Delivery
	for i := range 60 {
		waiting = append(waiting, delivery("waits", fmt.Sprint(i), at(0)))
	}
	receipts := add(t, s, waiting...)
	require.Len(t, claim(t, s, r), 1)
	settle(t, s, "relay", at(1), inbox.Retry(receipts[0].ID, at(500), "", false))
	add(t, s, delivery("due", "1", at(1)))
	for tries := 0; len(claimKeys(t, s, r)["due"]) == 0; tries++ {
		require.Less(t, tries, 10, "behind the backlog of a lane that waits")
	}

	for i := range 4 {
		add(t, s, delivery(lane(i), "1", at(2)))
	}
	again := func(now int) bool {
		r.Now = at(now)
		for _, l := range claim(t, s, r) {
			if l.Name == "new" {
				return true
			}
			settle(t, s, "relay", at(now), inbox.Retry(l.Deliveries[0].ID, at(now), "", false))
		}
		return false
	}
	require.False(t, again(2))
	add(t, s, delivery("new", "1", at(2)))
	for now := 3; !again(now); now++ {
		require.Less(t, now, 20, "beside lanes that are due again at once")
	}
}

func arrivalKeepsWait(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	claim(t, s, request("relay", at(1)))
	add(t, s, delivery("a", "2", at(2)))
	settle(t, s, "relay", at(3), inbox.Retry(id, at(300), "internal error", true))
	add(t, s, delivery("a", "3", at(4)))
	require.Empty(t, claim(t, s, request("relay", at(299))), "neither what came during the claim nor what came after it")
	require.Equal(t, map[string][]string{"a": {"1", "2", "3"}}, claimKeys(t, s, request("relay", at(300))))
}

func unmatchedSince(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	claim(t, s, request("relay", at(100)))
	settle(t, s, "relay", at(101), inbox.Unmatched(id, at(110), at(101), "no such workflow"))
	lanes := claim(t, s, request("relay", at(110)))
	require.Len(t, lanes, 1)
	require.Equal(t, at(101), lanes[0].Deliveries[0].UnmatchedSince)
	settle(t, s, "relay", at(111), inbox.Retry(id, at(120), "busy", false))
	d := get(t, s, id)
	require.Equal(t, at(101), d.UnmatchedSince, "another retry does not forget it")
	require.Equal(t, "busy", d.Reason)
	require.Zero(t, d.Attempts)
	settle(t, s, "relay", at(121), inbox.Finish(id, inbox.StateUnmatched, ""))
	require.NoError(t, s.Replay(context.Background(), id, at(130)))
	require.True(t, get(t, s, id).UnmatchedSince.IsZero(), "a replay begins anew")

	claim(t, s, request("relay", at(130)))
	settle(t, s, "relay", at(131), inbox.Unmatched(id, at(140), at(1000), "found by a clock that was ahead"))
	claim(t, s, request("relay", at(140)))
	settle(t, s, "relay", at(141), inbox.Unmatched(id, at(150), at(141), "no such workflow"))
	require.Equal(t, at(141), get(t, s, id).UnmatchedSince)
}

// A lane that seems to wait longer than any retry may was given its time by a clock that was ahead.
func clockAhead(t *testing.T, s inbox.Store) {
	const twoHours, years = 2 * 3600, 20 * 365 * 24 * 3600
	add(t, s, delivery("a", "1", at(twoHours)), delivery("b", "1", at(years)), delivery("c", "1", at(1)))
	require.Equal(t, map[string][]string{"a": {"1"}, "b": {"1"}, "c": {"1"}}, claimKeys(t, s, request("relay", at(2))))
	require.Empty(t, claimKeys(t, s, request("relay", at(2))), "claimed like any other")

	// The clock that is two hours ahead claims two lanes, settles one of them with a retry, and is set right.
	ids := []string{add(t, s, delivery("d", "1", at(3)))[0].ID, add(t, s, delivery("e", "1", at(3)))[0].ID}
	require.Len(t, claim(t, s, request("relay", at(twoHours))), 5)
	settle(t, s, "relay", at(twoHours), inbox.Retry(ids[0], at(twoHours+30), "later", true))
	require.Equal(t, at(twoHours+30), get(t, s, ids[0]).DueAt)
	require.Equal(t, at(twoHours+60), get(t, s, ids[1]).DueAt, "the end of the lease")
	keys := claimKeys(t, s, request("relay", at(10)))
	require.Contains(t, keys, "d", "a retry")
	require.Contains(t, keys, "e", "a lease")
}

func backlogKeepsWait(t *testing.T, s inbox.Store) {
	var ids []string
	for _, r := range add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)), delivery("a", "3", at(0))) {
		ids = append(ids, r.ID)
	}
	r := request("relay", at(1))
	r.MaxPerLane = 2
	require.Equal(t, map[string][]string{"a": {"1", "2"}}, claimKeys(t, s, r))
	settle(t, s, "relay", at(2), inbox.Retry(ids[0], at(30), "", true), inbox.Release(ids[1]))
	require.Empty(t, claim(t, s, request("relay", at(29))), "what waits behind is no reason to try at once")
	require.Equal(t, map[string][]string{"a": {"1", "2", "3"}}, claimKeys(t, s, request("relay", at(30))))
}

func release(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	before := get(t, s, id)
	claim(t, s, request("one", at(1)))
	settle(t, s, "one", at(2), inbox.Release(id))
	before.DueAt = at(2)
	require.Equal(t, before, get(t, s, id))
	require.Len(t, claim(t, s, request("two", at(2))), 1)
}

func staleRetry(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	claim(t, s, request("one", at(0)))
	claim(t, s, request("two", at(60)))
	settle(t, s, "one", at(61), inbox.Retry(id, at(300), "late", true))
	require.Zero(t, get(t, s, id).Attempts)
	settle(t, s, "one", at(61), inbox.Release(id))
	require.Empty(t, claim(t, s, request("three", at(62))), "the claim of the second owner stands")
	settle(t, s, "two", at(63), inbox.Release(id))
	require.Len(t, claim(t, s, request("three", at(64))), 1)
	settle(t, s, "nobody", at(65), inbox.Retry("unknown", at(70), "", true), inbox.Finish("unknown", inbox.StateDead, ""))
}

// The answer to a settlement may be lost, and its repetition may come after the same owner has claimed the lane again.
func settledAgain(t *testing.T, s inbox.Store) {
	ids := []string{add(t, s, delivery("a", "1", at(0)))[0].ID, add(t, s, delivery("b", "1", at(0)))[0].ID}
	first := inbox.SettleRequest{
		Now: at(1), Claims: Claims(claim(t, s, request("relay", at(0)))),
		Settlements: []inbox.Settlement{inbox.Retry(ids[0], at(5), "refused", true), inbox.Finish(ids[1], inbox.StateDelivered, "")},
	}
	again := func(now int) {
		t.Helper()
		first.Now = at(now)
		require.NoError(t, s.Settle(context.Background(), first))
		require.Equal(t, 1, get(t, s, ids[0]).Attempts, "counted once")
		require.Equal(t, at(1), get(t, s, ids[1]).SettledAt)
	}
	again(1)
	again(2)
	require.Equal(t, at(5), get(t, s, ids[0]).DueAt)

	add(t, s, delivery("b", "2", at(3)))
	second := claim(t, s, request("relay", at(6)))
	require.Len(t, second, 2, "also the lane that was settled completely")
	again(7)
	require.Empty(t, claim(t, s, request("other", at(7))), "the newer claims stand")
	first.Settlements = []inbox.Settlement{inbox.Release(ids[0])}
	again(8)
	require.Empty(t, claim(t, s, request("other", at(8))))
	settle(t, s, "relay", at(9), inbox.Retry(ids[0], at(20), "refused", true))
	require.Equal(t, 2, get(t, s, ids[0]).Attempts, "the newer claim is settled as usual")
}

func staleEnd(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	claim(t, s, request("one", at(0)))
	claim(t, s, request("two", at(60)))
	settle(t, s, "one", at(61), inbox.Finish(id, inbox.StateDelivered, ""))
	require.Equal(t, inbox.StateDelivered, get(t, s, id).State)
	settle(t, s, "two", at(62), inbox.Retry(id, at(100), "", true))
	require.Equal(t, inbox.StateDelivered, get(t, s, id).State)
	require.Empty(t, claim(t, s, request("two", at(1000))))
	add(t, s, delivery("a", "2", at(1000)))
	require.Len(t, claim(t, s, request("two", at(1000))), 1, "the lane is free")
}

func firstEndStays(t *testing.T, s inbox.Store) {
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	settle(t, s, "relay", at(1), inbox.Finish(id, inbox.StateDelivered, "first"))
	settle(t, s, "relay", at(2), inbox.Finish(id, inbox.StateDead, "second"))
	d := get(t, s, id)
	require.Equal(t, inbox.StateDelivered, d.State)
	require.Equal(t, "first", d.Reason)
	require.Equal(t, at(1), d.SettledAt)
	require.Empty(t, claim(t, s, request("relay", at(3))), "settled without a claim, and not handed out")
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 1})
}

func ignoredEnds(t *testing.T, s inbox.Store) {
	ids := map[inbox.State]string{}
	for _, state := range inbox.States() {
		d := delivery("lane of "+string(state), "k", at(0))
		if state == inbox.StateIgnored || state == inbox.StateQuarantined {
			d.State = state
		}
		ids[state] = add(t, s, d)[0].ID
		if state != d.State {
			settle(t, s, "relay", at(1), inbox.Finish(ids[state], state, "because"))
		}
	}
	for state, id := range ids {
		before := get(t, s, id)
		settle(t, s, "person", at(2), inbox.Finish(id, inbox.StateIgnored, "not needed"))
		after := get(t, s, id)
		if state == inbox.StatePending || state == inbox.StateDelivered {
			require.Equal(t, before, after)
			continue
		}
		require.Equal(t, inbox.StateIgnored, after.State, state)
		require.Equal(t, "not needed", after.Reason, state)
		require.Equal(t, at(2), after.SettledAt, state)
	}
	require.Equal(t, map[string][]string{"lane of pending": {"k"}}, claimKeys(t, s, request("relay", at(3))))
	for state, id := range ids {
		before := get(t, s, id)
		settle(t, s, "other", at(4), inbox.Finish(id, inbox.StateDead, "because"))
		if state != inbox.StatePending {
			require.Equal(t, before, get(t, s, id), "another end replaces none")
		}
	}
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 1, inbox.StateDead: 1, inbox.StateIgnored: 5})
}
