package deploy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// changed is a file of this folder with other texts. Each text must be there.
func changed(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text := string(read(t, name))
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, text, replace[i])
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// start runs a program. stop ends it and returns what it wrote.
func start(t *testing.T, path string, args ...string) (stop func() string) {
	t.Helper()
	var output bytes.Buffer
	program := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	program.Stdout, program.Stderr = &output, &output
	testenv.KillWithParent(program)
	require.NoError(t, program.Start())
	stopped := false
	stop = func() string {
		if !stopped {
			stopped = true
			require.NoError(t, program.Process.Signal(syscall.SIGTERM))
			_ = program.Wait() // each program has a different status for a signal
		}
		return output.String()
	}
	t.Cleanup(func() {
		if said := stop(); t.Failed() {
			t.Log(said)
		}
	})
	return stop
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	return address
}

// dial connects to a program that has just started.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn := testenv.Eventually(t, func(ctx context.Context) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, nil
		}
		return conn, nil
	}, func(conn net.Conn) bool { return conn != nil })
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestHAProxyCutsSlowHeadersButNoSlowBody(t *testing.T) {
	t.Parallel()
	haproxy := testenv.Program(t, "haproxy", "haproxy")
	for name, file := range map[string]struct{ bind, one, two string }{
		"haproxy.cfg":         {"bind :80\n", "10.0.0.11:8080", "10.0.0.12:8080"},
		"compose/haproxy.cfg": {"bind :8080\n", "signalbox-ingress-1:8080", "signalbox-ingress-2:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan struct{}, 1)
			ingress := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					arrived <- struct{}{}
					_, _ = io.Copy(io.Discard, r.Body)
				}
			}))
			t.Cleanup(ingress.Close)
			address, upstream := freeAddress(t), strings.TrimPrefix(ingress.URL, "http://")
			path := filepath.Join(t.TempDir(), "haproxy.cfg")
			require.NoError(t, os.WriteFile(path, []byte(changed(t, name, file.bind, "bind "+address+"\n", file.one, upstream, file.two, upstream,
				"timeout http-request 5s", "timeout http-request 500ms")), 0o600))
			start(t, haproxy, "-db", "-f", path)

			slowBody, slowHeaders := dial(t, address), dial(t, address)
			_, err := io.WriteString(slowBody, "POST /webhooks/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
			require.NoError(t, err)
			testenv.Receive(t, arrived)
			_, err = io.WriteString(slowHeaders, "POST /webhooks/x HTTP/1.1\r\nHost: x\r\n")
			require.NoError(t, err)
			require.Equal(t, http.StatusRequestTimeout, status(t, slowHeaders))
			_, err = io.WriteString(slowBody, "}")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, status(t, slowBody))
		})
	}
}

// status reads an answer.
func status(t *testing.T, conn net.Conn) int {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// Both processes are away, which nginx reports, too.
func TestNginxLogsNoCapabilityURL(t *testing.T) {
	t.Parallel()
	nginx, address, folder := testenv.Program(t, "nginx", "nginx-light"), freeAddress(t), t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, os.WriteFile(at("signalbox.conf"), []byte(changed(t, "nginx.conf", "listen 80;", "listen "+address+";",
		"10.0.0.11:8080", freeAddress(t), "10.0.0.12:8080", freeAddress(t))), 0o600))
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s;\n", kind, at(kind))
	}
	require.NoError(t, os.WriteFile(at("main.conf"), fmt.Appendf(nil, "daemon off;\npid %s;\nerror_log %s;\nevents {}\nhttp {\naccess_log %s;\n%sinclude %s;\n}\n",
		at("nginx.pid"), at("error.log"), at("access.log"), temporary, at("signalbox.conf")), 0o600))
	stop := start(t, nginx, "-c", at("main.conf"), "-p", folder, "-e", "stderr")
	conn := dial(t, address)
	_, err := io.WriteString(conn, "POST /webhooks/offload/order-7/a-secret-token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	require.NoError(t, err)
	require.Equal(t, http.StatusBadGateway, status(t, conn))
	logged := stop()
	for _, name := range []string{"error.log", "access.log"} {
		text, err := os.ReadFile(at(name))
		require.NoError(t, err)
		logged += string(text)
	}
	require.NotContains(t, logged, "a-secret-token")
}
