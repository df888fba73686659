package inboxtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func erase(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	inLane := func(key string, n int) inbox.Delivery { return delivery(lane(1), key, at(n)) }
	conflicting := inLane("settled", 3)
	conflicting.Fingerprint = []byte("print of another body")
	quarantined := delivery("", "", at(4))
	quarantined.State, quarantined.Reason = inbox.StateQuarantined, "no secret of pat@vendor.example fits"
	receipts := add(t, s, inLane("settled", 0), inLane("claimed", 1), inLane("arrived", 2), conflicting, quarantined, delivery(lane(2), "other", at(5)))
	require.Equal(t, inbox.OutcomeConflict, receipts[3].Outcome)
	claim(t, s, inbox.ClaimRequest{Owner: "relay", Now: at(6), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 2})
	settle(t, s, "relay", at(6), inbox.Finish(receipts[0].ID, inbox.StateDelivered, ""))
	claim(t, s, inbox.ClaimRequest{Owner: "relay", Now: at(6), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 1})

	ids := []string{inbox.NewID(at(0))}
	for _, receipt := range receipts[:5] {
		ids = append(ids, receipt.ID)
	}
	for range 2 {
		// It may be repeated, and an ID may be unknown.
		RetryBusy(t, func() error { return s.Erase(ctx, lane(1), ids) })
	}
	for i, id := range ids[1:] {
		got := get(t, s, id)
		require.Empty(t, got.Fingerprint)
		require.Equal(t, inbox.Delivery{
			ID: id, State: inbox.StateIgnored, Reason: "erased", Provider: "offload", Scope: "default", Kind: "case.completed",
			ReceivedAt: at(i), SettledAt: got.SettledAt, Fingerprint: got.Fingerprint,
		}, got)
		require.ErrorIs(t, s.Replay(ctx, id, at(7)), inbox.ErrNotReplayable)
	}
	// The owner of a claim does not know: what it settles changes nothing.
	settle(t, s, "relay", at(7), inbox.Retry(receipts[1].ID, at(8), "pat@vendor.example", true), inbox.Finish(receipts[2].ID, inbox.StateUnmatched, "pat@vendor.example"))
	require.Equal(t, "erased", get(t, s, receipts[1].ID).Reason)
	require.Equal(t, "erased", get(t, s, receipts[2].ID).Reason)
	page, err := s.List(ctx, inbox.Filter{Lane: lane(1)})
	require.NoError(t, err)
	require.Empty(t, page.Deliveries)
	requireCounts(t, s, map[inbox.State]int64{inbox.StatePending: 1, inbox.StateIgnored: 5})
	require.Equal(t, map[string][]string{lane(2): {"other"}}, claimKeys(t, s, inbox.ClaimRequest{Owner: "relay", Now: at(200), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9}))

	again := add(t, s, inLane("settled", 9), inLane("arrived", 9), inLane("new", 9))
	require.Equal(t, inbox.Receipt{ID: receipts[0].ID, Outcome: inbox.OutcomeDuplicate}, again[0])
	require.Equal(t, inbox.Receipt{ID: receipts[2].ID, Outcome: inbox.OutcomeDuplicate}, again[1])
	require.Equal(t, inbox.OutcomeNew, again[2].Outcome)
	require.Equal(t, map[string][]string{lane(1): {"new"}}, claimKeys(t, s, inbox.ClaimRequest{Owner: "relay", Now: at(200), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9}))
}

func eraseSubjects(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	one, longer := lane(1), lane(1)+"0"
	for i, subject := range []string{
		"3 deliveries: state=dead lane=" + one + " since=2026-05-01T12:00:00Z", "API key of " + one, "API key of " + longer, "2 deliveries: lane=" + longer, "",
	} {
		require.NoError(t, s.Audit(ctx, inbox.AuditEntry{At: at(i), Who: "ada", Action: "reveal", Subject: subject}))
	}
	for range 2 {
		RetryBusy(t, func() error { return s.Erase(ctx, one, nil) }) // it may be repeated
	}
	trail, err := s.AuditTrail(ctx, "", 9)
	require.NoError(t, err)
	var got []string
	for _, entry := range slices.Backward(trail) {
		got = append(got, entry.Subject)
	}
	hashed := inbox.ErasedSubject(one)
	require.Equal(t, []string{
		"3 deliveries: state=dead lane=" + hashed + " since=2026-05-01T12:00:00Z", "API key of " + hashed, "API key of " + longer, "2 deliveries: lane=" + longer, "",
	}, got)
}

func audited(t *testing.T, s inbox.Store) {
	ctx := context.Background()
	require.NoError(t, s.Audit(ctx, inbox.AuditEntry{At: at(0), Who: "ada", Action: "erase", Subject: "one"}))
	for act, want := range map[[2]string]bool{{"erase", "one"}: true, {"erase", "another"}: false, {"reveal", "one"}: false} {
		found, err := s.Audited(ctx, act[0], act[1])
		require.NoError(t, err)
		require.Equal(t, want, found, act)
	}
}
