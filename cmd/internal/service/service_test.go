package service_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// TestMain looks for goroutines that are left. Toxiproxy leaves some behind a connection that it cut.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Run(m),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"))
}

// nowhere is the address of a Temporal that is away.
const nowhere = "127.0.0.1:1"

// receiver is the configuration of an ingress with a new inbox.
func receiver(t *testing.T) config.Config {
	t.Helper()
	return config.Config{Inbox: filepath.Join(t.TempDir(), "inbox.db"), MaxBody: 1 << 20, Drain: 10 * time.Second}
}

func newRing(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	return ring
}

func TestARunningIngressEnforcesRetention(t *testing.T) {
	t.Parallel()
	c := receiver(t)
	c.KeepBodies, c.KeepRows = 2*time.Hour, 4*time.Hour
	store, err := storage.Open(t.Context(), c.Inbox, nil)
	require.NoError(t, err)
	arrived := func(ago time.Duration) string {
		at := time.Now().Add(-ago)
		id := inbox.NewID(at)
		_, err := store.Append(t.Context(), []inbox.Delivery{{ID: id, Provider: "offload", Body: []byte("sealed"), State: inbox.StateDead, ReceivedAt: at}})
		require.NoError(t, err)
		return id
	}
	veryOld, old, fresh := arrived(5*time.Hour), arrived(3*time.Hour), arrived(time.Minute)
	require.NoError(t, store.Close())

	startIngress(t, c, newRing(t), nowhere)
	store, err = storage.OpenExisting(t.Context(), c.Inbox)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	state := func(id string) string {
		d, err := store.Get(t.Context(), id)
		switch {
		case errors.Is(err, inbox.ErrNotFound):
			return "gone"
		case err != nil:
			return err.Error()
		case len(d.Body) == 0:
			return "without body"
		}
		return "whole"
	}
	require.Eventually(t, func() bool { return state(veryOld) == "gone" && state(old) == "without body" }, time.Minute, 5*time.Millisecond)
	require.Equal(t, "whole", state(fresh))
	entries, err := store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, entries, "retention is no person")
}
