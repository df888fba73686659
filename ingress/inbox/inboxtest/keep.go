package inboxtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func replay(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	for i, end := range []inbox.State{inbox.StateDelivered, inbox.StateUnmatched, inbox.StateLate, inbox.StateIgnored, inbox.StateDead} {
		id := add(t, s, delivery(lane(i), "k", at(0)))[0].ID
		claim(t, s, request("relay", at(1)))
		if end == inbox.StateIgnored {
			settle(t, s, "relay", at(1), inbox.Finish(id, inbox.StateDead, ""))
		}
		settle(t, s, "relay", at(1), inbox.Finish(id, end, "because"))
		require.NoError(t, s.Replay(ctx, id, at(2)))
		d := get(t, s, id)
		require.Equal(t, inbox.StatePending, d.State)
		ends := map[inbox.State]string{inbox.StateLate: "late before its replay", inbox.StateDelivered: "delivered before its replay"}
		require.Equal(t, ends[end], d.Reason)
		require.NoError(t, s.Replay(ctx, id, at(2)))
		require.Equal(t, d.Reason, get(t, s, id).Reason, "again")
		require.True(t, d.SettledAt.IsZero())
		require.Equal(t, map[string][]string{lane(i): {"k"}}, claimKeys(t, s, request("relay", at(2))))
		settle(t, s, "relay", at(3), inbox.Finish(id, inbox.StateDelivered, ""))
	}
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 5})

	const dismissed = "late before its dismissal by ada: because"
	late := add(t, s, delivery("l", "k", at(3)))[0].ID
	settle(t, s, "relay", at(3), inbox.Finish(late, inbox.StateLate, "because"))
	settle(t, s, "person", at(3), inbox.Finish(late, inbox.StateIgnored, dismissed))
	require.NoError(t, s.Replay(ctx, late, at(3)))
	require.Equal(t, dismissed, get(t, s, late).Reason)
	settle(t, s, "relay", at(3), inbox.Finish(late, inbox.StateDelivered, ""))

	waiting := add(t, s, delivery("w", "k", at(3)))[0].ID
	claim(t, s, request("relay", at(4)))
	settle(t, s, "relay", at(4), inbox.Retry(waiting, at(500), "", true))
	require.NoError(t, s.Replay(ctx, waiting, at(5)))
	require.Equal(t, map[string][]string{"w": {"k"}}, claimKeys(t, s, request("relay", at(5))), "what waits is tried at once")
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 6, inbox.StatePending: 1})
}

func replayOrder(t *testing.T, s inbox.Store) {
	receipts := add(t, s, delivery("a", "1", at(0)), delivery("a", "2", at(0)), delivery("a", "3", at(0)))
	settle(t, s, "operator", at(1), inbox.Finish(receipts[0].ID, inbox.StateDead, ""))
	require.Equal(t, map[string][]string{"a": {"2", "3"}}, claimKeys(t, s, request("relay", at(2))))
	require.NoError(t, s.Replay(context.Background(), receipts[0].ID, at(3)))
	require.Empty(t, claimKeys(t, s, request("relay", at(3))), "its lane is out")
	settle(t, s, "relay", at(4), inbox.Release(receipts[1].ID), inbox.Release(receipts[2].ID))
	require.Equal(t, map[string][]string{"a": {"1", "2", "3"}}, claimKeys(t, s, request("relay", at(5))))
}

func replayRefused(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	require.ErrorIs(t, s.Replay(ctx, "unknown", at(0)), inbox.ErrNotFound)
	dead := delivery("", "", at(0))
	dead.State = inbox.StateDead
	unread := add(t, s, dead)[0].ID
	require.ErrorIs(t, s.Replay(ctx, unread, at(1)), inbox.ErrNotReplayable)

	id := add(t, s, delivery("a", "k", at(0)))[0].ID
	settle(t, s, "relay", at(1), inbox.Finish(id, inbox.StateDelivered, ""))
	_, err := s.Purge(ctx, inbox.PurgeRequest{BodiesBefore: at(10)})
	require.NoError(t, err)
	require.ErrorIs(t, s.Replay(ctx, id, at(11)), inbox.ErrNotReplayable)
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 1, inbox.StateDead: 1})
	settle(t, s, "", at(12), inbox.Finish(unread, inbox.StateIgnored, "stored anew"), inbox.Finish(id, inbox.StateIgnored, ""))
	requireCounts(t, s, map[inbox.State]int64{inbox.StateDelivered: 1, inbox.StateIgnored: 1})
}

func purgeBodies(t *testing.T, s inbox.Store) {
	old := delivery("a", "old", at(0))
	id := add(t, s, old)[0].ID
	waiting := add(t, s, delivery("b", "waiting", at(0)))[0].ID
	young := add(t, s, delivery("c", "young", at(100)))[0].ID
	quarantined := delivery("", "", at(0))
	quarantined.State = inbox.StateQuarantined
	held := add(t, s, quarantined)[0].ID
	settle(t, s, "relay", at(101), inbox.Finish(id, inbox.StateDelivered, ""), inbox.Finish(young, inbox.StateDelivered, ""))

	purged, err := s.Purge(context.Background(), inbox.PurgeRequest{BodiesBefore: at(100)})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: 1}, purged)
	require.Nil(t, get(t, s, id).Body)
	require.Equal(t, old.Fingerprint, get(t, s, id).Fingerprint)
	require.NotNil(t, get(t, s, waiting).Body)
	require.NotNil(t, get(t, s, held).Body, "it may still be released")
	require.NotNil(t, get(t, s, young).Body)
	require.Equal(t, inbox.OutcomeDuplicate, add(t, s, old)[0].Outcome, "the key outlives the body")
	other := old
	other.Fingerprint = []byte("another")
	require.Equal(t, inbox.OutcomeConflict, add(t, s, other)[0].Outcome, "and so does the fingerprint")

	none, err := s.Purge(context.Background(), inbox.PurgeRequest{})
	require.NoError(t, err)
	require.Zero(t, none, "no time, no purge")
}

// What is released or replayed as a new delivery has the old arrival.
func purgeAnew(t *testing.T, s inbox.Store) {
	put := func(key string, state inbox.State, n int) string {
		d := delivery("", key, at(n))
		d.State = state
		return add(t, s, d)[0].ID
	}
	released, replayed := put("released", inbox.StateQuarantined, 0), put("replayed", inbox.StateDead, 0)
	const others = 2001
	batch := make([]inbox.Delivery, others)
	for i := range batch {
		batch[i] = delivery("", fmt.Sprint(i), at(5))
		batch[i].State = inbox.StateIgnored
	}
	add(t, s, batch...)
	anew, waiting := put("anew", inbox.StateDead, 0), add(t, s, delivery("lane", "waiting", at(0)))[0].ID
	put("young", inbox.StateDead, 20)
	settle(t, s, "", at(20), inbox.Finish(released, inbox.StateIgnored, "released as "+anew), inbox.Finish(replayed, inbox.StateIgnored, "replayed as "+waiting))

	request := inbox.PurgeRequest{BodiesBefore: at(10)}
	purged, err := s.Purge(context.Background(), request)
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: others + 3}, purged)
	require.Nil(t, get(t, s, anew).Body)
	require.NotNil(t, get(t, s, waiting).Body)
	settle(t, s, "", at(21), inbox.Finish(waiting, inbox.StateDelivered, ""))
	purged, err = s.Purge(context.Background(), request)
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: 1}, purged)
}

func purgeRows(t *testing.T, s inbox.Store) {
	old, waiting := delivery("a", "old", at(0)), delivery("b", "waiting", at(0))
	id := add(t, s, old)[0].ID
	kept := add(t, s, waiting)[0].ID
	quarantined := delivery("", "", at(0))
	quarantined.State = inbox.StateQuarantined
	add(t, s, quarantined)
	settle(t, s, "relay", at(1), inbox.Finish(id, inbox.StateDelivered, ""))

	purged, err := s.Purge(context.Background(), inbox.PurgeRequest{BodiesBefore: at(10), RowsBefore: at(10)})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Rows: 2}, purged)
	_, err = s.Get(context.Background(), id)
	require.ErrorIs(t, err, inbox.ErrNotFound)
	require.Equal(t, kept, add(t, s, waiting)[0].ID)
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 1})
	require.Equal(t, inbox.OutcomeNew, add(t, s, old)[0].Outcome, "forgotten with its key")
}

func purgeMany(t *testing.T, s inbox.Store) {
	const many = 1300
	var batch []inbox.Delivery
	for i := range many {
		d := delivery("", fmt.Sprint(i), at(i))
		d.State = inbox.StateIgnored
		batch = append(batch, d)
	}
	add(t, s, batch...)
	ctx := context.Background()
	purged, err := s.Purge(ctx, inbox.PurgeRequest{BodiesBefore: at(1250)})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: 1250}, purged)
	purged, err = s.Purge(ctx, inbox.PurgeRequest{BodiesBefore: at(1290), RowsBefore: at(1200)})
	require.NoError(t, err)
	require.Equal(t, inbox.Purged{Bodies: 40, Rows: 1200}, purged)
	requireCounts(t, s, map[inbox.State]int64{inbox.StateIgnored: 100})
}

// What arrived while the clock was twenty years ahead is kept for as long as anything else, from the first purge with the right time.
func purgeAhead(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	const day, years = 24 * 3600, 20 * 365 * 24 * 3600
	waiting := delivery("w", "waiting", at(0))
	add(t, s, waiting)
	ahead := delivery("a", "ahead", at(years))
	id := add(t, s, ahead)[0].ID
	settle(t, s, "relay", at(years), inbox.Finish(id, inbox.StateDelivered, ""))
	// A clock that is far behind finds everything ahead, and changes nothing.
	_, err := s.Purge(ctx, inbox.PurgeRequest{Now: at(-years), BodiesBefore: at(-years - 30*day), RowsBefore: at(-years - 180*day)})
	require.NoError(t, err)
	require.Equal(t, at(years), get(t, s, id).ReceivedAt)
	for _, step := range []struct {
		now  int
		want inbox.Purged
	}{{1, inbox.Purged{}}, {10 * day, inbox.Purged{}}, {31 * day, inbox.Purged{Bodies: 1}}, {32 * day, inbox.Purged{}}, {182 * day, inbox.Purged{Rows: 1}}} {
		purged, err := s.Purge(ctx, inbox.PurgeRequest{Now: at(step.now), BodiesBefore: at(step.now - 30*day), RowsBefore: at(step.now - 180*day)})
		require.NoError(t, err)
		require.Equal(t, step.want, purged, "at %d", step.now)
	}
	_, err = s.Get(ctx, id)
	require.ErrorIs(t, err, inbox.ErrNotFound)
}

func audit(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	none, err := s.AuditTrail(ctx, "", 10)
	require.NoError(t, err)
	require.Empty(t, none)
	for i := range 5 {
		require.NoError(t, s.Audit(ctx, inbox.AuditEntry{At: at(i), Who: "ada", Action: "reveal", Subject: fmt.Sprint("delivery ", i)}))
	}
	first, err := s.AuditTrail(ctx, "", 3)
	require.NoError(t, err)
	require.Len(t, first, 3)
	require.Equal(t, inbox.AuditEntry{ID: first[0].ID, At: at(4), Who: "ada", Action: "reveal", Subject: "delivery 4"}, first[0])
	rest, err := s.AuditTrail(ctx, first[2].ID, 3)
	require.NoError(t, err)
	require.Len(t, rest, 2)
	require.Equal(t, "delivery 0", rest[1].Subject)
	require.ErrorIs(t, s.Audit(ctx, inbox.AuditEntry{At: at(0), Who: "ada"}), inbox.ErrInvalid, "an act without a word")
}

func trim(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	put := func(scope, kind string, n int) string {
		d := delivery("", "", at(n))
		d.Provider, d.Scope, d.Kind, d.State = "artmail", scope, kind, inbox.StateQuarantined
		return add(t, s, d)[0].ID
	}
	activated := put("a", "agent.activated", 0)
	extra := put("a", "agent.activated, extra", 0)
	var others []string
	for i := range 6 {
		others = append(others, put("a", "approval_response", i+1))
	}
	elsewhere := put("b", "approval_response", 0)

	r := inbox.TrimRequest{State: inbox.StateQuarantined, Provider: "artmail", Scope: "a", Keep: 4, LastKinds: []string{"agent.activated, extra", "agent.activated"}}
	n, err := s.Trim(ctx, r)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	for i, id := range append([]string{activated, elsewhere}, others...) {
		_, err := s.Get(ctx, id)
		if gone := i >= 2 && i < 6; gone {
			require.ErrorIs(t, err, inbox.ErrNotFound, "delivery %d", i)
		} else {
			require.NoError(t, err, "delivery %d", i)
		}
	}
	n, err = s.Trim(ctx, r)
	require.NoError(t, err)
	require.Zero(t, n)
	r.Keep = 1
	n, err = s.Trim(ctx, r)
	require.NoError(t, err)
	require.Equal(t, 3, n, "the last kinds go when nothing else is left, the first of them first")
	_, err = s.Get(ctx, extra)
	require.ErrorIs(t, err, inbox.ErrNotFound)
	_, err = s.Get(ctx, activated)
	require.NoError(t, err)
	r.Keep = 0
	n, err = s.Trim(ctx, r)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	requireCounts(t, s, map[inbox.State]int64{inbox.StateQuarantined: 1})

	r.State = inbox.StatePending
	_, err = s.Trim(ctx, r)
	require.ErrorIs(t, err, inbox.ErrInvalid)
}

func trimByLastArrival(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	put := func(key string, n int) string {
		d := delivery("", key, at(n))
		d.Provider, d.Scope, d.State = "artmail", "a", inbox.StateQuarantined
		return add(t, s, d)[0].ID
	}
	again, once := put("again", 0), put("once", 1)
	put("again", 2)
	_, err := s.Trim(ctx, inbox.TrimRequest{State: inbox.StateQuarantined, Provider: "artmail", Scope: "a", Keep: 1})
	require.NoError(t, err)
	_, err = s.Get(ctx, once)
	require.ErrorIs(t, err, inbox.ErrNotFound)
	require.Equal(t, 1, get(t, s, again).Duplicates)
}

func wakes(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	woken := func(why string) {
		t.Helper()
		select {
		case <-s.Wake():
		case <-time.After(time.Minute):
			t.Fatalf("no wake after %s", why)
		}
	}
	quiet := func(why string) {
		t.Helper()
		select {
		case <-s.Wake():
			t.Fatalf("a wake after %s", why)
		default:
		}
	}
	first := add(t, s, delivery("a", "1", at(0)))[0].ID
	woken("an append")
	ignored := delivery("", "", at(0))
	ignored.State = inbox.StateIgnored
	add(t, s, ignored)
	quiet("an append of what is not pending")

	claim(t, s, request("relay", at(1)))
	second := add(t, s, delivery("a", "2", at(1)))[0].ID
	woken("an append")
	require.Empty(t, claim(t, s, request("relay", at(1))))
	settle(t, s, "relay", at(2), inbox.Finish(first, inbox.StateDelivered, ""))
	woken("the end of a claim whose lane has more")

	claim(t, s, request("relay", at(3)))
	settle(t, s, "relay", at(3), inbox.Release(second))
	quiet("a release: who releases knows")
	claim(t, s, request("relay", at(4)))
	settle(t, s, "relay", at(4), inbox.Finish(second, inbox.StateDead, ""))
	quiet("the end of the last")
	require.NoError(t, s.Replay(ctx, second, at(5)))
	woken("a replay")

	claim(t, s, request("relay", at(6)))
	quiet("a claim of all that was due")
	for why, r := range map[string]inbox.ClaimRequest{
		"a claim of fewer lanes than are due":      {MaxLanes: 1, MaxBytes: 1 << 20},
		"a claim without room for all that is due": {MaxLanes: 10, MaxBytes: 1},
	} {
		add(t, s, delivery(why+" 1", "1", at(7)), delivery(why+" 2", "1", at(7)))
		woken("an append")
		less := request("relay", at(7))
		less.MaxLanes, less.MaxBytes = r.MaxLanes, r.MaxBytes
		require.Len(t, claim(t, s, less), 1)
		woken(why)
		require.Len(t, claim(t, s, request("relay", at(7))), 1)
		quiet("a claim of the rest")
	}
}

func closed(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is fine")

	_, err := s.Append(ctx, []inbox.Delivery{delivery("a", "2", at(0))})
	require.ErrorIs(t, err, inbox.ErrClosed)
	_, err = s.Claim(ctx, request("relay", at(0)))
	require.ErrorIs(t, err, inbox.ErrClosed)
	require.ErrorIs(t, s.Settle(ctx, inbox.SettleRequest{Now: at(0), Settlements: []inbox.Settlement{inbox.Release(id)}}), inbox.ErrClosed)
	_, err = s.Get(ctx, id)
	require.ErrorIs(t, err, inbox.ErrClosed)
	_, err = s.List(ctx, inbox.Filter{})
	require.ErrorIs(t, err, inbox.ErrClosed)
	_, err = s.Counts(ctx)
	require.ErrorIs(t, err, inbox.ErrClosed)
	_, _, err = s.OldestPending(ctx)
	require.ErrorIs(t, err, inbox.ErrClosed)
	require.ErrorIs(t, s.Replay(ctx, id, at(0)), inbox.ErrClosed)
	_, err = s.Purge(ctx, inbox.PurgeRequest{RowsBefore: at(0)})
	require.ErrorIs(t, err, inbox.ErrClosed)
	require.ErrorIs(t, s.Check(ctx), inbox.ErrClosed)
	_, err = s.Renew(ctx, inbox.RenewRequest{Claims: map[string]int64{"a": 1}, Until: at(1)})
	require.ErrorIs(t, err, inbox.ErrClosed)
	require.ErrorIs(t, s.Audit(ctx, inbox.AuditEntry{At: at(0), Who: "ada", Action: "reveal"}), inbox.ErrClosed)
}
