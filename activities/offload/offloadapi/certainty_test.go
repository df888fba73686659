package offloadapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

const shortTimeout = 100 * time.Millisecond

// posts are the calls that must reach Offload at most once.
var posts = []string{"create case", "provide input"}

func TestAFailureBeforeTheRequestIsNotSent(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"no listener": func(*testing.T) string { return "http://127.0.0.1:1" },
		"certificate of an unknown authority": func(t *testing.T) string {
			server := httptest.NewUnstartedServer(answerWith(200, wholeCase))
			server.Config.ErrorLog = quiet
			server.StartTLS()
			t.Cleanup(server.Close)
			return server.URL
		},
		"no TLS": func(t *testing.T) string {
			server := httptest.NewServer(answerWith(200, wholeCase))
			t.Cleanup(server.Close)
			return "https" + strings.TrimPrefix(server.URL, "http")
		},
		"TLS handshake that stalls": func(t *testing.T) string {
			w := listen(t, func(_ *wire, conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
			return "https" + strings.TrimPrefix(w.url, "http")
		},
	} {
		for op, call := range calls {
			t.Run(op+", "+name, func(t *testing.T) {
				t.Parallel()
				err := call(t.Context(), newClient(t, offloadapi.Config{BaseURL: url(t), Timeout: shortTimeout}))
				require.ErrorIs(t, err, offloadapi.ErrNotSent)
				require.NotErrorIs(t, err, offloadapi.ErrUncertain)
				require.NotContains(t, err.Error(), testKey)
				require.NotContains(t, err.Error(), "/cases", "the operation says it already")
			})
		}
	}
}

func TestACallThatIsCancelledBeforeItBeginsIsNotSent(t *testing.T) {
	t.Parallel()
	client, requests := serve(t, answerWith(200, wholeCase))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, call := range calls {
		err := call(ctx, client)
		require.ErrorIs(t, err, offloadapi.ErrNotSent, op)
		require.ErrorIs(t, err, context.Canceled, op)
	}
	require.Zero(t, requests.Load())
}

func TestAFailureAfterConnectingIsUncertainAndAPOSTIsSentOnce(t *testing.T) {
	t.Parallel()
	reset := func(conn *net.TCPConn) { _ = conn.SetLinger(0) } // makes Close send a reset
	for name, tc := range map[string]struct {
		serve func(w *wire, conn *net.TCPConn)
		// least is the number of whole requests that must have been read.
		least int64
		// timeout is that of the call; 0 is the default.
		timeout time.Duration
	}{
		"closed before it is read": {func(*wire, *net.TCPConn) {}, 0, 0},
		"reset while it is read": {func(_ *wire, conn *net.TCPConn) {
			_, _ = conn.Read(make([]byte, 1))
			reset(conn)
		}, 0, 0},
		"closed after it is read": {func(w *wire, conn *net.TCPConn) { w.read(conn) }, 1, 0},
		"reset after it is read":  {func(w *wire, conn *net.TCPConn) { w.read(conn); reset(conn) }, 1, 0},
		"no answer in time": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.Copy(io.Discard, conn) // until the client gives up
		}, 1, 50 * shortTimeout},
		"answer that is not HTTP": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.WriteString(conn, "SSH-2.0-"+strings.Repeat("x", 3000)+"\r\n")
		}, 1, 0},
		"answer that breaks off in its head": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Le")
		}, 1, 0},
		"answer that breaks off in its body": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"ok\":true,")
		}, 1, 0},
		"answer whose body stalls": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
			_, _ = io.Copy(io.Discard, conn)
		}, 1, 50 * shortTimeout},
		"head without end": {func(w *wire, conn *net.TCPConn) {
			w.read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
		}, 1, 0},
	} {
		for _, op := range posts {
			t.Run(op+", "+name, func(t *testing.T) {
				t.Parallel()
				try := func() (*wire, error) {
					server := listen(t, tc.serve)
					return server, calls[op](t.Context(), newClient(t, offloadapi.Config{BaseURL: server.url, Timeout: tc.timeout}))
				}
				server, err := try()
				for tries := 0; tc.timeout > 0 && server.requests.Load() < tc.least && tries < 10; tries++ {
					server, err = try() // a busy machine took all the time before the request was read
				}
				require.ErrorIs(t, err, offloadapi.ErrUncertain)
				require.NotErrorIs(t, err, offloadapi.ErrNotSent)
				require.Less(t, len(err.Error()), 600)
				require.EqualValues(t, 1, server.connections.Load(), "connections")
				require.GreaterOrEqual(t, server.requests.Load(), tc.least)
				require.LessOrEqual(t, server.requests.Load(), int64(1))
			})
		}
	}
}

func TestAReadFailsAsUncertainToo(t *testing.T) {
	t.Parallel()
	server := listen(t, func(w *wire, conn *net.TCPConn) { w.read(conn) })
	_, err := newClient(t, offloadapi.Config{BaseURL: server.url}).GetCase(t.Context(), caseID)
	require.ErrorIs(t, err, offloadapi.ErrUncertain)
}

// If the server closes a kept connection during a POST, it is uncertain whether the POST was carried out; and net/http repeats some requests on
// kept connections.
func TestEachPOSTOpensANewConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(answerWith(200, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"RUNNING","downloadUrl":"u"}}`))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, offloadapi.Config{BaseURL: server.URL})

	const reads = 20
	for range reads {
		require.NoError(t, calls["get case"](t.Context(), client))
	}
	// On a slow machine net/http gives up some connections that it could keep.
	before := connections.Load()
	require.Less(t, before, int64(reads), "reads share a connection")
	for range 3 {
		for _, op := range posts {
			require.NoError(t, calls[op](t.Context(), client))
		}
	}
	require.Equal(t, before+6, connections.Load())
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for op, call := range calls {
			t.Run(op+" "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				var elsewhere atomic.Int64
				other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
				t.Cleanup(other.Close)
				client, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, other.URL+r.RequestURI, status)
				})
				err := call(t.Context(), client)
				require.ErrorIs(t, err, offloadapi.ErrUncertain, "%s %d", op, status)
				require.Zero(t, elsewhere.Load(), "%s %d", op, status)
				require.EqualValues(t, 1, requests.Load(), "%s %d", op, status)
			})
		}
	}
}

func TestABodyBeyondTheLimitIsErrResponseTooLarge(t *testing.T) {
	t.Parallel()
	body := func(size int) string {
		frame := `{"ok":true,"data":{"caseId":"` + caseID + `","status":"RUNNING","downloadUrl":"u","result":""}}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	const most = 1 << 16
	for op, call := range calls {
		for size, fits := range map[int]bool{most: true, most + 1: false, 1 << 20: false} {
			server := httptest.NewServer(answerWith(200, body(size)))
			t.Cleanup(server.Close)
			client := newClient(t, offloadapi.Config{BaseURL: server.URL})
			client.SetMaxResponseBytes(most)
			err := call(t.Context(), client)
			if fits {
				require.NoError(t, err, op)
				continue
			}
			require.ErrorIs(t, err, offloadapi.ErrResponseTooLarge, op)
			require.ErrorIs(t, err, offloadapi.ErrUncertain, op)
		}
	}
}

func TestAHugeErrorIsStillTypedByItsStatus(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answerWith(401, strings.Repeat("x", 1<<20)))
	t.Cleanup(server.Close)
	client := newClient(t, offloadapi.Config{BaseURL: server.URL})
	client.SetMaxResponseBytes(1 << 10)
	_, err := client.GetCase(t.Context(), caseID)
	require.ErrorIs(t, err, offloadapi.ErrUnauthorized)
	require.Less(t, len(err.Error()), 600)
}
