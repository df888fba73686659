package ingress_test

import (
	"bufio"
	"errors"
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
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, response.Body.Close())
}

func TestAConnectionOverTheCapIsServedWhenAnotherCloses(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxConnections = 2
	f := start(t, c, nil)
	first, second, third := f.connect(t), f.connect(t), f.connect(t)
	for _, served := range []net.Conn{first, second} {
		ask(t, served)
		answered(t, served)
	}
	ask(t, third)
	require.NoError(t, third.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := third.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "two are served already")
	require.NoError(t, first.Close())
	answered(t, third)
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
