package ingress_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// connect opens a connection on which nothing is sent yet.
func (f *fixture) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request on the connection, without waiting for the answer.
func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
}

func answered(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, response.Body.Close())
}

// begin sends a webhook's headers with a part of its body.
func begin(t *testing.T, conn net.Conn, path string, length int, body string) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, length, body)
	require.NoError(t, err)
}

// beginReading sends a webhook's headers, and returns once the server reads the body.
func beginReading(t *testing.T, conn net.Conn, path string, length int) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", path, length)
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
}

func statusOn(t *testing.T, conn net.Conn) int {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func closedByServer(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "it is still open")
}

func TestTheOldestUnverifiedConnectionIsClosedForANewOne(t *testing.T) {
	t.Parallel()
	const most = 8
	c := config()
	c.MaxConnections = most
	f := start(t, c, nil)
	// One connection has a verified body under way, and one has sent a verified webhook; both came first.
	busy, proven := f.connect(t), f.connect(t)
	begin(t, proven, f.offloadPath("order-1"), len(completed), completed)
	require.Equal(t, 204, statusOn(t, proven))
	beginReading(t, busy, f.offloadPath("order-2"), len(completed))
	for n := range 50 * most {
		conn := f.connect(t)
		if n%50 == 0 {
			ask(t, conn)
			require.Equal(t, 200, statusOn(t, conn), "a new connection is served at once")
		}
		if n%70 == 0 {
			require.Equal(t, 204, f.post(t, f.offloadPath("order-3"), completed).status)
		}
	}
	_, err := io.WriteString(busy, completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, busy))
	begin(t, proven, f.offloadPath("order-1"), len(completed), completed)
	require.Equal(t, 204, statusOn(t, proven), "it is still open")
}

func TestTheLongestIdleConnectionIsClosedIfAllAreVerified(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxConnections = 3
	f := start(t, c, nil)
	first, second := f.connect(t), f.connect(t)
	for _, conn := range []net.Conn{first, second, first} {
		begin(t, conn, f.offloadPath("order-1"), len(completed), completed)
		require.Equal(t, 204, statusOn(t, conn))
	}
	third := f.connect(t)
	begin(t, third, f.offloadPath("order-1"), len(completed), completed)
	require.Equal(t, 204, statusOn(t, third))
	closedByServer(t, second)
	begin(t, first, f.offloadPath("order-1"), len(completed), completed)
	require.Equal(t, 204, statusOn(t, first))
}

func TestAConnectionOverTheCapWaitsIfAllHaveAVerifiedRequestUnderWay(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxConnections = 2
	f := start(t, c, nil)
	var conns []net.Conn
	for range 2 {
		conn := f.connect(t)
		conns = append(conns, conn)
		beginReading(t, conn, f.offloadPath("order-1"), len(completed))
	}
	third := f.connect(t)
	ask(t, third)
	require.NoError(t, third.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := third.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "two are served already")
	_, err = io.WriteString(conns[0], completed)
	require.NoError(t, err)
	require.NoError(t, conns[0].Close())
	answered(t, third)
	_, err = io.WriteString(conns[1], completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, conns[1]))
}

func TestAConnectionOverTheCapIsServedOnceAnotherIsIdle(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxConnections = 2
	f := start(t, c, nil)
	first := f.connect(t)
	beginReading(t, first, f.offloadPath("order-1"), len(completed))
	busy := f.connect(t)
	beginReading(t, busy, f.offloadPath("order-2"), len(completed))
	third := f.connect(t)
	ask(t, third)
	_, err := io.WriteString(first, completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, first))
	answered(t, third)
	fourth := f.connect(t)
	ask(t, fourth)
	answered(t, fourth)
	_, err = io.WriteString(busy, completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, busy))
}

func TestAnIdleConnectionIsClosedBeforeAnUnverifiedWebhookUnderWay(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxConnections = 2
	f := start(t, c, nil)
	idle := f.connect(t)
	beginReading(t, idle, f.offloadPath("order-1"), len(completed))
	unverified := f.connect(t)
	beginReading(t, unverified, "/webhooks/artmail/"+agent, len(paused))
	_, err := io.WriteString(idle, completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, idle))
	closedByServer(t, idle)
	_, err = io.WriteString(unverified, paused)
	require.NoError(t, err)
	require.Equal(t, 401, statusOn(t, unverified))
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	c := config()
	c.IdleTimeout = 50 * time.Millisecond
	f := start(t, c, nil)
	conn := f.connect(t)
	ask(t, conn)
	answered(t, conn)
	_, err := conn.Read(make([]byte, 1))
	require.True(t, errors.Is(err, io.EOF), "%v", err)
}
