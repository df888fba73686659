package badnetwork_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/cmd/internal/badnetwork"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Toxiproxy leaves goroutines behind a connection that it cut.
func TestMain(m *testing.M) {
	testenv.RunWithoutLeaks(m,
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"))
}

// echoing is a server that answers each byte with itself, on TCP or on a Unix socket.
func echoing(t *testing.T, network, address string) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// ask sends a line on a new connection and says whether it came back in time.
func ask(t *testing.T, address string, within time.Duration) bool {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	return askOn(t, c, within)
}

func askOn(t *testing.T, c net.Conn, within time.Duration) bool {
	t.Helper()
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	if _, err := c.Write([]byte("ping\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && line == "ping\n"
}

// shortFolder makes a folder for a Unix socket, whose path may have some 100 bytes. t.TempDir has the test's name in it.
func shortFolder(t *testing.T) string {
	t.Helper()
	const longest = 90
	folder, err := os.MkdirTemp("", "sbnet")
	if err == nil && len(folder) > longest {
		require.NoError(t, os.Remove(folder))
		folder, err = os.MkdirTemp("/tmp", "sbnet")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

func TestAServerIsReachedUnlessTheNetworkIsHarmed(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]string{
		"TCP": echoing(t, "tcp", "127.0.0.1:0"), "a Unix socket": echoing(t, "unix", filepath.Join(shortFolder(t), "s")),
	} {
		n, err := badnetwork.New("127.0.0.1:0", server)
		require.NoError(t, err, name)
		sound := func() bool { return ask(t, n.Address(), 5*time.Second) }
		require.Eventually(t, sound, time.Minute, time.Millisecond, name)
		for _, toxic := range []string{badnetwork.NoResponses, badnetwork.NoRequests, badnetwork.Resets} {
			require.NoError(t, n.Harm(toxic), name)
			require.False(t, ask(t, n.Address(), 200*time.Millisecond), "%s %s", name, toxic)
			n.Heal(t.Context())
			require.Eventually(t, sound, time.Minute, time.Millisecond, "%s %s", name, toxic)
		}
		require.Error(t, n.Harm("no toxic"), name)

		kept, err := net.Dial("tcp", n.Address())
		require.NoError(t, err, name)
		require.True(t, askOn(t, kept, time.Minute), name)
		n.Freeze()
		require.False(t, askOn(t, kept, 200*time.Millisecond), "%s: it is open and carries nothing", name)
		require.Eventually(t, sound, time.Minute, time.Millisecond, "%s: a new connection works", name)
		require.NoError(t, kept.Close())
		require.NoError(t, n.Close(), name)
		// Another process may have the port by now.
		if other, err := net.Dial("tcp", n.Address()); err == nil {
			require.False(t, askOn(t, other, 200*time.Millisecond), name)
			require.NoError(t, other.Close())
		}
	}
}
