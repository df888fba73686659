package relay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestTheOldestOfManyUnmatchedEventsIsReplayedWhenItsCaseStarts(t *testing.T) {
	t.Parallel()
	const more = 4500 // than two passes read
	f := newFixture(t)
	var all []inbox.Delivery
	var ends []inbox.Settlement
	for n := range more {
		at := f.clock.Now().Add(time.Duration(n) * time.Millisecond)
		d := inbox.Delivery{
			ID: inbox.NewID(at), Provider: offload.Name, Lane: offload.Lane(fmt.Sprint("order-", n)), Kind: workflows.KindCaseCompleted,
			DedupeKey: "evt", ReceivedAt: at, State: inbox.StatePending,
		}
		var err error
		d.Body, err = f.keys.Seal([]byte(completed("evt")), hook.BodyContext(d.Provider, d.Lane, d.ID)...)
		require.NoError(t, err)
		all, ends = append(all, d), append(ends, inbox.Finish(d.ID, inbox.StateUnmatched, ""))
	}
	_, err := f.store.Append(t.Context(), all)
	require.NoError(t, err)
	f.clock.advance(time.Minute)
	require.NoError(t, f.store.Settle(t.Context(), inbox.SettleRequest{Now: f.clock.Now(), Settlements: ends}))
	f.temporal.run("offload-case/order-0")
	f.start(t, often)
	f.becomes(t, all[0].ID, inbox.StateDelivered)

	// The newest does not wait until the older ones are read once more.
	f.temporal.run(fmt.Sprint("offload-case/order-", more-1))
	f.becomes(t, all[more-1].ID, inbox.StateDelivered)
}
