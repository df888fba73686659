package service_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Run(m)) }

// Temporal is away all the time: the inbox is the ingress's own.
func TestARunningIngressKeepsRetentionAndLetsOperatorsIn(t *testing.T) {
	t.Parallel()
	// A socket's path must be short, and a test's own folder has the test's name in it.
	folder, err := os.MkdirTemp("", "svc")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	path := filepath.Join(folder, "i.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.NoError(t, err)
	arrived := func(id string, ago time.Duration) inbox.Delivery {
		return inbox.Delivery{ID: id, Provider: "offload", Body: []byte("sealed"), State: inbox.StateDead, ReceivedAt: time.Now().Add(-ago)}
	}
	_, err = store.Append(t.Context(), []inbox.Delivery{arrived("very old", 5*time.Hour), arrived("old", 3*time.Hour), arrived("new", time.Minute)})
	require.NoError(t, err)
	require.NoError(t, store.Close())

	ring, err := keyring.Generate()
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() {
		ran <- service.Run(ctx, service.Settings{
			Config:  config.Config{Inbox: path, MaxBody: 1 << 20, Drain: 5 * time.Second, KeepBodies: 2 * time.Hour, KeepRows: 4 * time.Hour},
			Parts:   config.Ingress,
			Keyring: ring, Temporal: client.Options{HostPort: "127.0.0.1:1"}, Log: zap.NewNop(), Listener: listener,
		})
	}()
	var desk *operator.Client
	require.Eventually(t, func() bool {
		desk = operator.Dial(t.Context(), operator.SocketPath(path))
		return desk != nil || len(ran) > 0
	}, 10*time.Second, 5*time.Millisecond)
	if desk == nil {
		require.NoError(t, <-ran)
	}
	require.NotNil(t, desk)
	withheld := func(id string) string {
		shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: id})
		if err != nil {
			require.ErrorIs(t, err, inbox.ErrNotFound)
			return "gone"
		}
		return shown.Withheld
	}
	require.Eventually(t, func() bool { return withheld("old") == "it is past its retention" }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "gone", withheld("very old"))
	require.Equal(t, "the keyring does not open it", withheld("new"), "its body is there")

	stop()
	require.NoError(t, <-ran)
	require.NoFileExists(t, operator.SocketPath(path))
}
