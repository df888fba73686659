package service_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// TestMain looks for goroutines that are left. Toxiproxy leaves some behind a connection that it cut.
func TestMain(m *testing.M) {
	testenv.Parallel(8)
	testenv.RunWithoutLeaks(pgtest.Run(m),
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
