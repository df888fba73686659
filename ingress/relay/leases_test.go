package relay_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
)

// The lease is short because it also counts in real time: it decides how often the relay looks for leases to renew. It is long enough for a
// renewal and a signal on a slow machine, which have a sixth and a quarter of it.
const lease = 12 * time.Second

func (w *watched) renewedUntil(lane string) (until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.renewals {
		if _, asked := r.Claims[lane]; asked {
			until = r.Until
		}
	}
	return until
}

// stuckSender starts a relay whose only sender is stuck in the first signal until leave is called.
func stuckSender(t *testing.T, f *fixture) (leave func()) {
	t.Helper()
	entered, left := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	f.temporal.hook = func(string) {
		enter()
		<-left
	}
	leave = sync.OnceFunc(func() { close(left) })
	f.start(t, relay.Config{Concurrency: 1, Lease: lease, SignalTimeout: lease / 4})
	t.Cleanup(leave)
	await(t, "a signal under way", entered)
	return leave
}

func TestClaimsAreRenewedUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	store := f.watched
	f.temporal.run("offload-case/1-sent", "offload-case/2-queued")
	ids := []string{f.keepOffload(t, "1-sent", "evt")}
	f.clock.advance(time.Millisecond)
	ids = append(ids, f.keepOffload(t, "2-queued", "evt"))
	leave := stuckSender(t, f)
	for range 5 {
		f.clock.advance(lease / 2)
		for _, lane := range []string{"offload-case/1-sent", "offload-case/2-queued"} {
			eventually(t, "renewed", func() bool { return store.renewedUntil(lane).Equal(f.clock.Now().Add(lease)) })
		}
		lanes, err := store.Store.Claim(t.Context(), inbox.ClaimRequest{Owner: "another", Now: f.clock.Now(), Lease: lease, MaxLanes: 9, MaxPerLane: 9})
		require.NoError(t, err)
		require.Empty(t, lanes)
	}
	leave()
	for _, id := range ids {
		f.passTime(t, lease/10, "delivered", func() bool {
			return f.get(t, id).State == inbox.StateDelivered
		})
	}
}

// queuedWithoutRenewal makes renewals fail, and claims two lanes: the sender of the first is stuck until leave, the second is queued behind it.
func queuedWithoutRenewal(t *testing.T, f *fixture) (queued string, leave func()) {
	t.Helper()
	f.watched.renewError = errors.New("disk is gone")
	f.temporal.run("offload-case/1-sent", "offload-case/2-queued")
	f.keepOffload(t, "1-sent", "evt")
	f.clock.advance(time.Millisecond)
	queued = f.keepOffload(t, "2-queued", "evt")
	return queued, stuckSender(t, f)
}

func TestNoSignalIsSentUnderALeaseThatMayHaveEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	store := f.watched
	queued, leave := queuedWithoutRenewal(t, f)
	// A signal that began now could end after the lease.
	f.clock.advance(lease * 3 / 4)
	leave()
	f.passTime(t, lease/10, "delivered", func() bool { return f.get(t, queued).State == inbox.StateDelivered })
	store.mu.Lock()
	defer store.mu.Unlock()
	require.True(t, slices.ContainsFunc(store.settlements, func(s inbox.Settlement) bool { return s == inbox.Release(queued) }), "the relay releases it unsent")
}

// A lane whose lease ended while renewals failed may be another relay's. A later renewal must not make the relay trust it again.
func TestALaneThatAnotherRelayHasClaimedIsNotSignalled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	store := f.watched
	queued, leave := queuedWithoutRenewal(t, f)
	// The relay's own clock moves afterwards, or the relay itself could claim them again.
	ended := f.clock.Now().Add(lease)
	lanes, err := store.Store.Claim(t.Context(), inbox.ClaimRequest{Owner: "another", Now: ended, Lease: inbox.MaxWait / 2, MaxLanes: 9, MaxPerLane: 9})
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	f.clock.advance(lease)
	store.mu.Lock()
	store.renewError = nil
	store.mu.Unlock()
	leave()
	eventually(t, "released", func() bool {
		store.mu.Lock()
		defer store.mu.Unlock()
		return slices.ContainsFunc(store.settlements, func(s inbox.Settlement) bool { return s == inbox.Release(queued) })
	})
	for _, signal := range f.temporal.sent() {
		require.NotEqual(t, "offload-case/2-queued", signal.workflowID)
	}
}
