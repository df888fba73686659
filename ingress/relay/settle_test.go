package relay_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
)

func TestALockedLaneBlocksNoOtherAndLosesNoAttempt(t *testing.T) {
	t.Parallel()
	const lockedLane, others = "offload-case/locked", 20
	f := newFixture(t)
	f.temporal.poison = "evt-poison"
	f.temporal.run(lockedLane)
	refused := f.keepOffload(t, "locked", "evt-poison")
	for i := range others {
		f.temporal.run(fmt.Sprintf("offload-case/order-%d", i))
		f.keepOffload(t, fmt.Sprintf("order-%d", i), "evt")
	}
	var locked atomic.Bool
	locked.Store(true)
	tries := make(chan struct{}, 1000)
	f.watched.settle = func(ctx context.Context, request inbox.SettleRequest) error {
		if _, names := request.Claims[lockedLane]; names {
			tries <- struct{}{}
			if locked.Load() {
				return inbox.ErrLocked
			}
		}
		return f.watched.Store.Settle(ctx, request)
	}
	f.start(t, relay.Config{Concurrency: 4})
	delivered := func(count int64) {
		eventually(t, "the others are delivered", func() bool {
			counts, err := f.store.Counts(t.Context(), inbox.StateDelivered)
			return err == nil && counts[inbox.StateDelivered] == count
		})
	}
	delivered(others)
	await(t, "a settlement of the locked lane", tries)
	f.temporal.run("offload-case/later")
	f.keepOffload(t, "later", "evt")
	delivered(others + 1)
	require.Zero(t, f.get(t, refused).Attempts)
	locked.Store(false)
	eventually(t, "the attempt is counted", func() bool { return f.get(t, refused).Attempts == 1 })
}

// The store settles, but its answer is lost. The relay claims the lane again before it repeats the settlement.
func TestARepeatedSettlementLeavesTheNewerClaimAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.poison = "evt-poison"
	f.temporal.run("offload-case/a")
	id := f.keepOffload(t, "a", "evt-poison")
	second, goOn, repeated := make(chan struct{}), make(chan struct{}), make(chan struct{})
	defer close(goOn)
	var signals, settlements atomic.Int64
	f.temporal.hook = func(string) {
		if signals.Add(1) == 2 {
			close(second)
			<-goOn
		}
	}
	closeRepeated := sync.OnceFunc(func() { close(repeated) })
	f.watched.settle = func(ctx context.Context, request inbox.SettleRequest) error {
		if settlements.Add(1) > 1 {
			defer closeRepeated()
			return f.watched.Store.Settle(ctx, request)
		}
		err := f.watched.Store.Settle(ctx, request)
		f.clock.advance(2 * time.Second)
		<-second
		return errors.Join(err, inbox.ErrBusy)
	}
	f.start(t, relay.Config{SignalTimeout: time.Second})
	await(t, "the settlement is repeated", repeated)
	require.Equal(t, 1, f.get(t, id).Attempts, "the attempt is counted once")
	lanes, err := f.watched.Store.Claim(t.Context(), inbox.ClaimRequest{Owner: "another", Now: f.clock.Now(), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
	require.NoError(t, err)
	require.Empty(t, lanes, "the relay still has the lane")
	require.EqualValues(t, 2, signals.Load())
}
