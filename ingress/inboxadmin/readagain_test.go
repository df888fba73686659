package inboxadmin_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// An older version stored each of these as dead without a lane, because it could not read the activation's ID.
func TestAReplayReadsADeadDeliveryWithoutALaneAgain(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	ring, err := keyring.Generate()
	require.NoError(t, err)
	arrived := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	on := inboxadmin.Admin{Inbox: store, Keys: ring, Who: "ada", Now: func() time.Time { return arrived.Add(time.Hour) }}
	dead := func(body string) string {
		one := inbox.Delivery{
			ID: inbox.NewID(arrived), Provider: artmail.Name, Scope: "w9", State: inbox.StateDead, Reason: "no activationId", ReceivedAt: arrived,
			TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		}
		one.Body, err = ring.Seal([]byte(body), hook.BodyContext(one.Provider, one.Lane, one.ID)...)
		require.NoError(t, err)
		_, err = store.Append(t.Context(), []inbox.Delivery{one})
		require.NoError(t, err)
		return one.ID
	}
	const paused = `{"type":"agent.paused","activationId":"a1","timestamp":1774131900000}`
	readable, again, unreadable := dead(paused), dead(paused), dead(`{"type":"agent.paused"}`)

	_, err = inboxadmin.Admin{Inbox: store, Who: "ada", Now: on.Now}.Replay(t.Context(), readable)
	require.ErrorIs(t, err, inbox.ErrNotReplayable, "without keys")
	_, err = on.Replay(t.Context(), unreadable)
	require.ErrorIs(t, err, inbox.ErrNotReplayable)

	done, err := on.Replay(t.Context(), readable)
	require.NoError(t, err)
	require.Equal(t, inboxadmin.Replayed{Replayed: 1}, done)
	page, err := store.List(t.Context(), inbox.Filter{Lane: artmail.Lane("w9", "a1")})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, 1)
	fresh := page.Deliveries[0]
	require.Equal(t, inbox.StatePending, fresh.State)
	require.Equal(t, arrived, fresh.ReceivedAt)
	require.Equal(t, "agent.paused", fresh.Kind)
	full, err := store.Get(t.Context(), fresh.ID)
	require.NoError(t, err)
	require.NotEmpty(t, full.TraceParent)
	plain, err := ring.Open(full.Body, hook.BodyContext(full.Provider, full.Lane, full.ID)...)
	require.NoError(t, err)
	require.Equal(t, paused, string(plain))
	_, err = on.Replay(t.Context(), readable)
	require.ErrorIs(t, err, inbox.ErrNotReplayable, "the old one is done")

	done, err = on.ReplayAll(t.Context(), inbox.Filter{})
	require.NoError(t, err)
	require.Equal(t, inboxadmin.Replayed{Replayed: 1, Skipped: 1}, done)
	for id, want := range map[string]inbox.State{readable: inbox.StateIgnored, again: inbox.StateIgnored, unreadable: inbox.StateDead} {
		old, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, old.State)
		if want == inbox.StateIgnored {
			require.Equal(t, "replayed as "+fresh.ID, old.Reason, "both are the same event")
		}
	}
	counts, err := store.Counts(t.Context(), inbox.StatePending)
	require.NoError(t, err)
	require.Equal(t, int64(1), counts[inbox.StatePending])
}
