package inboxtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func list(t *testing.T, s inbox.Store, f inbox.Filter) inbox.Page {
	t.Helper()
	page, err := s.List(context.Background(), f)
	require.NoError(t, err)
	return page
}

func listPages(t *testing.T, s inbox.Store) {
	require.Empty(t, list(t, s, inbox.Filter{}).Deliveries)
	var want []string
	for i := range 23 {
		d := delivery(lane(i%3), fmt.Sprintf("%02d", i), at(i/4))
		if i%2 == 1 {
			d.State = inbox.StateIgnored
		}
		add(t, s, d)
		want = append([]string{d.DedupeKey}, want...)
	}
	for _, limit := range []int{1, 5, 22, 23, 24, 0} {
		f := inbox.Filter{Limit: limit}
		var got []string
		for {
			page := list(t, s, f)
			got = append(got, keys(page.Deliveries)...)
			if page.Next == "" {
				break
			}
			require.Len(t, page.Deliveries, limit)
			if len(got) == 5 {
				// What arrives meanwhile is newer, and does not move the pages.
				add(t, s, delivery("new", fmt.Sprint("during ", limit), at(1000)))
			}
			f.Cursor = page.Next
		}
		var old []string
		for _, key := range got {
			if len(key) == 2 {
				old = append(old, key)
			}
		}
		require.Equal(t, want, old, "limit %d", limit)
	}
	for _, d := range list(t, s, inbox.Filter{}).Deliveries {
		require.Nil(t, d.Body)
		require.NotEmpty(t, d.ID)
	}
}

func listFilters(t *testing.T, s inbox.Store) {
	put := func(key string, change func(*inbox.Delivery)) {
		d := delivery("lane", key, at(0))
		change(&d)
		add(t, s, d)
	}
	put("plain", func(*inbox.Delivery) {})
	put("provider", func(d *inbox.Delivery) { d.Provider = "artmail" })
	put("scope", func(d *inbox.Delivery) { d.Scope = "other" })
	put("kind", func(d *inbox.Delivery) { d.Kind = "case.failed" })
	put("lane", func(d *inbox.Delivery) { d.Lane = "other lane" })
	put("ignored", func(d *inbox.Delivery) { d.State = inbox.StateIgnored })
	put("dead", func(d *inbox.Delivery) { d.State = inbox.StateDead })
	put("later", func(d *inbox.Delivery) { d.ReceivedAt = at(60) })
	put("back", func(d *inbox.Delivery) { d.ReceivedAt = at(30) })
	for name, tc := range map[string]struct {
		filter inbox.Filter
		want   []string
	}{
		"provider":          {inbox.Filter{Provider: "artmail"}, []string{"provider"}},
		"scope":             {inbox.Filter{Scope: "other"}, []string{"scope"}},
		"kind":              {inbox.Filter{Kind: "case.failed"}, []string{"kind"}},
		"lane":              {inbox.Filter{Lane: "other lane"}, []string{"lane"}},
		"unknown lane":      {inbox.Filter{Lane: "no lane"}, nil},
		"state":             {inbox.Filter{States: []inbox.State{inbox.StateDead}}, []string{"dead"}},
		"two states":        {inbox.Filter{States: []inbox.State{inbox.StateDead, inbox.StateIgnored}}, []string{"dead", "ignored"}},
		"since":             {inbox.Filter{Since: at(30)}, []string{"later", "back"}},
		"since, in between": {inbox.Filter{Since: at(31)}, []string{"later"}},
		"until":             {inbox.Filter{Until: at(60), Since: at(1)}, []string{"back"}},
		"until, exclusive":  {inbox.Filter{Until: at(30), Since: at(1)}, nil},
		"lane and state":    {inbox.Filter{Lane: "lane", States: []inbox.State{inbox.StateIgnored}}, []string{"ignored"}},
		"lane and kind":     {inbox.Filter{Lane: "lane", Kind: "case.failed"}, []string{"kind"}},
		"lane, all states": {
			inbox.Filter{Lane: "lane", Provider: "offload", Scope: "default", Kind: "case.completed"},
			[]string{"later", "back", "dead", "ignored", "plain"},
		},
	} {
		require.Equal(t, tc.want, keys(list(t, s, tc.filter).Deliveries), name)
	}
	first := list(t, s, inbox.Filter{Lane: "lane", Limit: 2})
	second := list(t, s, inbox.Filter{Lane: "lane", Limit: 2, Cursor: first.Next})
	require.Equal(t, []string{"dead", "ignored"}, keys(second.Deliveries))
}

// listAgrees compares seeded random filters with the whole list, filtered here. ReceivedAt is not always in the order of appending: a released
// delivery is appended long after it arrived, and a clock that was ahead gives a time that is too late.
func listAgrees(t *testing.T, s inbox.Store) {
	const seed, deliveries, filters = 20260502, 120, 250
	random := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	providers, scopes, kinds := []string{"offload", "artmail"}, []string{"", "a", "b\\"}, []string{"", "x", "y", "z\x00"}
	for i := range deliveries {
		d := delivery(lane(random.IntN(5)), fmt.Sprint(i), at(i))
		d.Provider, d.Scope, d.Kind = one(providers...), one(scopes...), one(kinds...)
		switch random.IntN(5) {
		case 0:
			d.ReceivedAt = at(random.IntN(i+1) - 1000*random.IntN(2))
		case 1, 2:
			d.ReceivedAt = at(i - random.IntN(3))
		case 3:
			// The clock was 15 s ahead for a while.
			d.ReceivedAt = at(i + 15*random.IntN(2))
		}
		d.State = []inbox.State{inbox.StatePending, inbox.StateIgnored, inbox.StateDead, inbox.StateQuarantined}[random.IntN(4)]
		id := add(t, s, d)[0].ID
		if d.State == inbox.StatePending && random.IntN(2) == 0 {
			settle(t, s, "relay", at(i), inbox.Finish(id, inbox.StateDelivered, ""))
		}
	}
	var all []inbox.Delivery
	for f := (inbox.Filter{Limit: inbox.MaxPage}); ; {
		page := list(t, s, f)
		all = append(all, page.Deliveries...)
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	require.Len(t, all, deliveries)
	maybe := func(value string) string { return one("", "", value) }
	for range filters {
		f := inbox.Filter{Provider: maybe(one(providers...)), Scope: maybe(one(scopes...)), Kind: maybe(one(kinds...)), Limit: 5 + random.IntN(60)}
		if random.IntN(4) == 0 {
			f.Lane = lane(random.IntN(6))
		}
		for range random.IntN(3) {
			f.States = append(f.States, inbox.States()[random.IntN(len(inbox.States()))])
		}
		if random.IntN(2) == 0 {
			f.Since = at(random.IntN(deliveries) - 1000*random.IntN(2))
		}
		if random.IntN(2) == 0 {
			f.Until = at(random.IntN(deliveries))
		}
		var want, got []string
		for _, d := range all {
			if matches(f, d) {
				want = append(want, d.ID)
			}
		}
		for {
			page, err := s.List(ctx, f)
			require.NoError(t, err)
			for _, d := range page.Deliveries {
				got = append(got, d.ID)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
		require.Equal(t, want, got, "%+v", f)
	}
}

func matches(f inbox.Filter, d inbox.Delivery) bool {
	return (f.Provider == "" || f.Provider == d.Provider) && (f.Scope == "" || f.Scope == d.Scope) && (f.Kind == "" || f.Kind == d.Kind) &&
		(f.Lane == "" || f.Lane == d.Lane) && (len(f.States) == 0 || slices.Contains(f.States, d.State)) &&
		(f.Since.IsZero() || !d.ReceivedAt.Before(f.Since)) && (f.Until.IsZero() || d.ReceivedAt.Before(f.Until))
}

func listRefuses(t *testing.T, s inbox.Store) {
	for _, f := range []inbox.Filter{{Cursor: "nonsense"}, {Cursor: "0190A0A0-0000-7000-8000-000000000001"}, {States: []inbox.State{"gone"}}} {
		_, err := s.List(context.Background(), f)
		require.ErrorIs(t, err, inbox.ErrInvalid)
	}
}

func counts(t *testing.T, s inbox.Store) {
	requireCounts(t, s, nil)
	receipts := add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)), delivery("b", "1", at(0)), delivery("b", "1", at(0)))
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 3})
	claim(t, s, request("relay", at(1)))
	settle(t, s, "relay", at(1),
		inbox.Finish(receipts[0].ID, inbox.StateDelivered, ""), inbox.Retry(receipts[1].ID, at(9), "", true), inbox.Finish(receipts[2].ID, inbox.StateLate, ""))
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 1, inbox.StateDelivered: 1, inbox.StateLate: 1})
	require.NoError(t, s.Replay(context.Background(), receipts[2].ID, at(2)))
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 2, inbox.StateDelivered: 1})
	_, err := s.Purge(context.Background(), inbox.PurgeRequest{RowsBefore: at(10)})
	require.NoError(t, err)
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 2})
	some, err := s.Counts(context.Background(), inbox.StatePending, inbox.StateLate)
	require.NoError(t, err)
	require.Equal(t, map[inbox.State]int64{inbox.StatePending: 2, inbox.StateLate: 0}, some)
}

func oldestPending(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	_, any, err := s.OldestPending(ctx)
	require.NoError(t, err)
	require.False(t, any)
	first := add(t, s, delivery("a", "1", at(7)))[0].ID
	add(t, s, delivery("b", "1", at(9)))
	oldest, any, err := s.OldestPending(ctx)
	require.NoError(t, err)
	require.True(t, any)
	require.Equal(t, at(7), oldest)
	settle(t, s, "relay", at(10), inbox.Finish(first, inbox.StateDelivered, ""))
	oldest, _, err = s.OldestPending(ctx)
	require.NoError(t, err)
	require.Equal(t, at(9), oldest)
}

func bodiesWithout(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	require.Empty(t, without(t, s, "\x01\x00new"))
	put := func(key, body string, state inbox.State, received int) string {
		d := delivery("lane "+key, key, at(received))
		d.Body, d.State = []byte(body), state
		return add(t, s, d)[0].ID
	}
	put("new", "\x01\x00new, by the new key", inbox.StatePending, 9)
	put("prefix alone", "\x01\x00new", inbox.StateDead, 9)
	require.Empty(t, without(t, s, "\x01\x00new"))

	sent := put("old", "\x01\x00old, by the old key", inbox.StatePending, 1)
	put("older", "\x01\x00old", inbox.StatePending, 3)
	put("oldest", "\x01\x00old", inbox.StatePending, 2)
	put("short", "\x01", inbox.StateDead, 5)
	put("forged", "\x00\xff\\x01", inbox.StateQuarantined, 6)
	require.Equal(t, map[inbox.State]inbox.Bodies{
		inbox.StatePending:     {Count: 3, Newest: at(3)},
		inbox.StateDead:        {Count: 1, Newest: at(5)},
		inbox.StateQuarantined: {Count: 1, Newest: at(6)},
	}, without(t, s, "\x01\x00new"))
	require.Equal(t, int64(2), without(t, s, "\x01\x00old")[inbox.StateDead].Count)

	settle(t, s, "relay", at(10), inbox.Finish(sent, inbox.StateDelivered, ""))
	require.Equal(t, inbox.Bodies{Count: 1, Newest: at(1)}, without(t, s, "\x01\x00new")[inbox.StateDelivered])
	_, err := s.Purge(ctx, inbox.PurgeRequest{BodiesBefore: at(4)})
	require.NoError(t, err)
	require.NotContains(t, without(t, s, "\x01\x00new"), inbox.StateDelivered, "a body that is gone needs no key")
	require.Equal(t, int64(2), without(t, s, "\x01\x00new")[inbox.StatePending].Count)
}

func without(t *testing.T, s inbox.Store, prefix string) map[inbox.State]inbox.Bodies {
	t.Helper()
	found, err := s.BodiesWithout(context.Background(), []byte(prefix))
	require.NoError(t, err)
	return found
}
