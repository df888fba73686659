package inboxtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func roundTrip(t *testing.T, s inbox.Store) {
	want := inbox.Delivery{
		ID: "0190a0a0-0000-7000-8000-000000000001", Provider: "artmail", Scope: "agent-ä", Lane: "artmail-activation/a/1",
		Kind: "agent.activated", DedupeKey: "agent.activated:1", Body: []byte{0, 1, 255, '\''}, Fingerprint: []byte{0, 7},
		OccurredAt: at(-5).Add(123456 * time.Microsecond), ReceivedAt: at(0), State: inbox.StatePending, Reason: "told",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	receipts := add(t, s, want)
	require.Equal(t, inbox.Receipt{ID: want.ID, Outcome: inbox.OutcomeNew}, receipts[0])
	stored := want
	stored.DueAt = at(0)
	require.Equal(t, stored, get(t, s, want.ID))

	claimed := claim(t, s, request("relay", at(1)))
	require.Len(t, claimed, 1)
	require.Equal(t, inbox.Lane{Name: want.Lane, Claim: claimed[0].Claim, Deliveries: []inbox.Delivery{want}}, claimed[0])

	_, err := s.Get(context.Background(), "unknown")
	require.ErrorIs(t, err, inbox.ErrNotFound)

	made := add(t, s, delivery(lane(1), "k", at(1)), delivery(lane(1), "l", at(1)))
	require.Less(t, made[0].ID, made[1].ID, "assigned IDs sort by time")
	require.True(t, get(t, s, made[0].ID).OccurredAt.IsZero())

	large := delivery(lane(2), "large", at(2))
	large.Body = make([]byte, 1<<20)
	large.Body[1<<19] = 7
	require.Equal(t, large.Body, get(t, s, add(t, s, large)[0].ID).Body)

	none, err := s.Append(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// A provider's JSON can contain bytes that a database can't store as text: NUL, or invalid UTF-8. A store that refused them would lose the
// delivery.
func anyBytes(t *testing.T, s inbox.Store) {
	const odd = "a\x00b\\x00c\\\xffd\u2028"
	want := delivery(odd+"lane", odd+"key", at(0))
	want.Provider, want.Scope, want.Kind, want.Reason = odd+"provider", odd+"scope", odd+"kind", odd+"reason"
	id := add(t, s, want)[0].ID
	want.ID, want.DueAt = id, at(0)
	require.Equal(t, want, get(t, s, id))
	again := want
	again.ID = ""
	require.Equal(t, inbox.Receipt{ID: id, Outcome: inbox.OutcomeDuplicate}, add(t, s, again)[0])
	page, err := s.List(context.Background(), inbox.Filter{Provider: want.Provider, Scope: want.Scope, Kind: want.Kind, Lane: want.Lane})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, 1)
	claimed := claim(t, s, request(odd+"owner", at(1)))
	require.Len(t, claimed, 1)
	require.Equal(t, want.Lane, claimed[0].Name)
	settle(t, s, odd+"owner", at(2), inbox.Retry(id, at(3), odd+"again", true))
	require.Equal(t, odd+"again", get(t, s, id).Reason)
	settle(t, s, odd+"owner", at(4), inbox.Finish(id, inbox.StateDead, odd+"end"))
	require.Equal(t, odd+"end", get(t, s, id).Reason)
}

func allOrNothing(t *testing.T, s inbox.Store) {
	good, bad := delivery(lane(1), "good", at(0)), delivery("", "bad", at(0))
	_, err := s.Append(context.Background(), []inbox.Delivery{good, bad})
	require.ErrorIs(t, err, inbox.ErrInvalid)
	requireCounts(t, s, nil)
}

func takenID(t *testing.T, s inbox.Store) {
	first := delivery(lane(1), "first", at(0))
	first.ID = add(t, s, first)[0].ID
	other := delivery(lane(1), "other", at(0))
	other.ID = first.ID
	_, err := s.Append(context.Background(), []inbox.Delivery{delivery(lane(2), "beside", at(0)), other})
	require.ErrorIs(t, err, inbox.ErrIDTaken)
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 1})

	again := add(t, s, first)
	require.Equal(t, inbox.Receipt{ID: first.ID, Outcome: inbox.OutcomeNew}, again[0], "the same delivery with its ID is the same append again")
	require.Zero(t, get(t, s, first.ID).Duplicates)
}

func invalidDeliveries(t *testing.T, s inbox.Store) {
	for name, change := range map[string]func(*inbox.Delivery){
		"no lane":       func(d *inbox.Delivery) { d.Lane = "" },
		"no provider":   func(d *inbox.Delivery) { d.Provider = "" },
		"no arrival":    func(d *inbox.Delivery) { d.ReceivedAt = time.Time{} },
		"no body":       func(d *inbox.Delivery) { d.Body = nil },
		"no state":      func(d *inbox.Delivery) { d.State = "" },
		"unknown state": func(d *inbox.Delivery) { d.State = "lost" },
		"odd ID":        func(d *inbox.Delivery) { d.ID = "mine" },
		"delivered":     func(d *inbox.Delivery) { d.State = inbox.StateDelivered },
	} {
		d := delivery(lane(1), "k", at(0))
		change(&d)
		_, err := s.Append(context.Background(), []inbox.Delivery{d})
		require.ErrorIs(t, err, inbox.ErrInvalid, name)
	}
}

func duplicateCounted(t *testing.T, s inbox.Store) {
	first := add(t, s, delivery(lane(1), "k", at(0)))[0]
	require.Equal(t, inbox.OutcomeNew, first.Outcome)
	for i := 1; i <= 3; i++ {
		again := add(t, s, delivery(lane(1), "k", at(i)))
		require.Equal(t, inbox.Receipt{ID: first.ID, Outcome: inbox.OutcomeDuplicate}, again[0])
	}
	d := get(t, s, first.ID)
	require.Equal(t, 3, d.Duplicates)
	require.Equal(t, at(3), d.LastDuplicateAt)
	require.Equal(t, at(0), d.ReceivedAt)
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 1})

	claim(t, s, request("relay", at(4)))
	settle(t, s, "relay", at(4), inbox.Finish(first.ID, inbox.StateDelivered, ""))
	require.Equal(t, inbox.OutcomeDuplicate, add(t, s, delivery(lane(1), "k", at(5)))[0].Outcome, "long after the end as well")
	require.Empty(t, claim(t, s, request("relay", at(6))))
}

func duplicateInOneCall(t *testing.T, s inbox.Store) {
	var many []inbox.Delivery
	for i := range 100 {
		many = append(many, delivery(lane(i%10), fmt.Sprint("k", i%20), at(i)))
	}
	receipts := add(t, s, many...)
	for i, r := range receipts {
		require.Equal(t, receipts[i%20].ID, r.ID)
		if i < 20 {
			require.Equal(t, inbox.OutcomeNew, r.Outcome)
		} else {
			require.Equal(t, inbox.OutcomeDuplicate, r.Outcome)
		}
	}
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 20})
	require.Equal(t, 4, get(t, s, receipts[7].ID).Duplicates)
}

func keyScopes(t *testing.T, s inbox.Store) {
	base := delivery("lane", "key", at(0))
	others := []inbox.Delivery{base, base, base, base, base, base}
	others[1].Provider = "artmail"
	others[2].Scope = "other"
	others[3].Lane = "lan"
	others[3].DedupeKey = "ekey"
	others[4].Scope, others[4].Lane = "defaultlane", "k"
	others[4].DedupeKey = "ey"
	others[5].DedupeKey = "Key"
	for i, r := range add(t, s, others...) {
		require.Equal(t, inbox.OutcomeNew, r.Outcome, "delivery %d", i)
	}
}

func noKey(t *testing.T, s inbox.Store) {
	ping := delivery(lane(1), "", at(0))
	for i, r := range add(t, s, ping, ping, ping) {
		require.Equal(t, inbox.OutcomeNew, r.Outcome, "delivery %d", i)
	}
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 3})
}

func conflict(t *testing.T, s inbox.Store) {
	first := delivery(lane(1), "k", at(0))
	other := first
	other.Body, other.Fingerprint, other.ReceivedAt = []byte("other"), []byte("other print"), at(1)
	third := other
	third.Fingerprint = []byte("third print")

	receipts := add(t, s, first, other)
	require.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
	require.Equal(t, inbox.Receipt{ID: receipts[1].ID, Outcome: inbox.OutcomeConflict, ConflictOf: receipts[0].ID}, receipts[1])
	require.NotEqual(t, receipts[0].ID, receipts[1].ID)
	stored := get(t, s, receipts[1].ID)
	require.Equal(t, receipts[0].ID, stored.ConflictOf)
	require.Equal(t, []byte("other"), stored.Body)
	require.Equal(t, "k", stored.DedupeKey)
	require.Equal(t, inbox.StatePending, stored.State)

	require.Equal(t, inbox.Receipt{ID: receipts[1].ID, Outcome: inbox.OutcomeDuplicate}, add(t, s, other)[0], "each body counts once")
	require.Equal(t, inbox.Receipt{ID: receipts[0].ID, Outcome: inbox.OutcomeDuplicate}, add(t, s, first)[0])
	last := add(t, s, third)[0]
	require.Equal(t, inbox.OutcomeConflict, last.Outcome)
	require.Equal(t, receipts[0].ID, last.ConflictOf)
	require.Len(t, claimKeys(t, s, request("relay", at(2)))[lane(1)], 3, "all three bodies are handed out, in order")
}

func noFingerprint(t *testing.T, s inbox.Store) {
	with, without := delivery(lane(1), "k", at(0)), delivery(lane(1), "k", at(0))
	without.Fingerprint = nil
	receipts := add(t, s, with, without)
	require.Equal(t, inbox.OutcomeDuplicate, receipts[1].Outcome)
}

func concurrentAppends(t *testing.T, s inbox.Store) {
	const callers, each = 16, 50
	outcomes := make([][]inbox.Receipt, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				// Each key comes from two callers.
				receipts, err := s.Append(context.Background(), []inbox.Delivery{delivery(lane(i), fmt.Sprint(c/2, "/", i), at(0))})
				if err != nil {
					t.Error(err)
					return
				}
				outcomes[c] = append(outcomes[c], receipts[0])
			}
		})
	}
	wg.Wait()
	for c := 0; c < callers; c += 2 {
		for i := range each {
			one, two := outcomes[c][i], outcomes[c+1][i]
			require.Equal(t, one.ID, two.ID)
			require.ElementsMatch(t, []inbox.Outcome{inbox.OutcomeNew, inbox.OutcomeDuplicate}, []inbox.Outcome{one.Outcome, two.Outcome})
		}
	}
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: callers / 2 * each})
}

func endedContext(t *testing.T, s inbox.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Append(ctx, []inbox.Delivery{delivery(lane(1), "k", at(0))})
	require.ErrorIs(t, err, inbox.ErrBusy)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Claim(ctx, request("relay", at(0)))
	require.ErrorIs(t, err, inbox.ErrBusy)
	require.ErrorIs(t, s.Settle(ctx, inbox.SettleRequest{Now: at(0), Settlements: []inbox.Settlement{inbox.Release("x")}}), inbox.ErrBusy)
	_, err = s.List(ctx, inbox.Filter{})
	require.ErrorIs(t, err, inbox.ErrBusy)
	requireCounts(t, s, nil)
	add(t, s, delivery(lane(1), "k", at(0)))
	require.Len(t, claim(t, s, request("relay", at(0))), 1, "a claim that failed holds nothing")
}

func notPending(t *testing.T, s inbox.Store) {
	want := map[inbox.State]int64{}
	for _, state := range []inbox.State{inbox.StateIgnored, inbox.StateDead, inbox.StateQuarantined} {
		d := delivery("", "", at(0))
		d.State, d.Reason = state, "because"
		stored := get(t, s, add(t, s, d)[0].ID)
		require.Equal(t, state, stored.State)
		require.Equal(t, "because", stored.Reason)
		require.Equal(t, state == inbox.StateQuarantined, stored.SettledAt.IsZero())
		want[state] = 1
	}
	requireCounts(t, s, want)
	require.Empty(t, claim(t, s, request("relay", at(1))))
}

func quarantineEnds(t *testing.T, s inbox.Store) {
	d := delivery("", "", at(0))
	d.State = inbox.StateQuarantined
	id := add(t, s, d)[0].ID
	settle(t, s, "operator", at(1), inbox.Finish(id, inbox.StateIgnored, "released"))
	ended := get(t, s, id)
	require.Equal(t, inbox.StateIgnored, ended.State)
	require.Equal(t, at(1), ended.SettledAt)
	requireCounts(t, s, map[inbox.State]int64{inbox.StateIgnored: 1})
}
