package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// example is a configuration of the folder deploy with addresses of the test in place of its addresses. Each text must be there.
func (f *fleet) example(name string, replace ...string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", name))
	require.NoError(f.t, err)
	replace = append(replace, "10.0.0.11:8080", f.members[0].address, "10.0.0.12:8080", f.members[1].address)
	for i := 0; i < len(replace); i += 2 {
		require.Contains(f.t, string(text), replace[i])
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

// run runs a program in the folder of the fleet until the test ends.
func (f *fleet) run(path string, args ...string) {
	f.t.Helper()
	var log bytes.Buffer
	process := exec.CommandContext(context.WithoutCancel(f.t.Context()), path, args...)
	process.Dir, process.Stdout, process.Stderr = f.folder, &log, &log
	testenv.KillWithParent(process)
	require.NoError(f.t, process.Start())
	f.t.Cleanup(func() {
		require.NoError(f.t, process.Process.Signal(syscall.SIGTERM))
		// Each program has a different status for a signal.
		_ = process.Wait()
		if f.t.Failed() {
			f.t.Log(log.String())
		}
	})
}

// write makes a file in the folder of the fleet.
func (f *fleet) write(name, text string) (path string) {
	f.t.Helper()
	path = filepath.Join(f.folder, name)
	require.NoError(f.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// haproxy starts HAProxy with checks ten times as often as in the example, and returns its URL and what waits until it sends to a member.
func (f *fleet) haproxy() (url string, awaitUp func(i int)) {
	f.t.Helper()
	path, address, stats := testenv.Program(f.t, "haproxy", "haproxy"), freeAddress(f.t), freeAddress(f.t)
	f.run(path, "-db", "-f", f.write("haproxy.cfg", f.example("haproxy.cfg", "bind :80\n", "bind "+address+"\n", "inter 1s", "inter 100ms")+
		"\nlisten stats\n    bind "+stats+"\n    stats enable\n    stats uri /\n"))
	awaitUp = func(i int) {
		f.t.Helper()
		require.Eventually(f.t, func() bool { return f.haproxyStatus(stats, []string{"one", "two"}[i]) == "UP" }, time.Minute, 20*time.Millisecond)
	}
	for i := range f.members {
		awaitUp(i)
	}
	return "http://" + address, awaitUp
}

// haproxyStatus is what HAProxy's table of statistics says of a server.
func (f *fleet) haproxyStatus(stats, server string) string {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, "http://"+stats+"/;csv", nil)
	require.NoError(f.t, err)
	response, err := f.client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { require.NoError(f.t, response.Body.Close()) }()
	rows, err := csv.NewReader(response.Body).ReadAll()
	require.NoError(f.t, err)
	for _, row := range rows {
		for i, column := range rows[0] {
			if column == "status" && row[1] == server {
				return row[i]
			}
		}
	}
	return "no such server"
}

// nginx starts nginx and returns its URL. changes are pairs of texts in its configuration.
func (f *fleet) nginx(changes ...string) (url string) {
	f.t.Helper()
	path, address := testenv.Program(f.t, "nginx", "nginx-light"), freeAddress(f.t)
	f.write("signalbox.conf", f.example("nginx.conf", append(changes, "listen 80;", "listen "+address+";")...))
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(f.folder, kind))
	}
	main := f.write("main.conf", fmt.Sprintf(`daemon off;
pid %s;
error_log stderr warn;
events {}
http {
access_log off;
%sinclude %s;
}
`, filepath.Join(f.folder, "nginx.pid"), temporary, filepath.Join(f.folder, "signalbox.conf")))
	f.run(path, "-c", main, "-p", f.folder, "-e", "stderr")
	require.Eventually(f.t, func() bool { return f.ask("http://"+address+"/readyz") == http.StatusNotFound }, time.Minute, 20*time.Millisecond)
	return "http://" + address
}

// load is posts to a URL by several senders at a time: one half keeps its connections, the other makes a new one for each post.
type load struct {
	senders sync.WaitGroup
	end     chan struct{}
	sent    atomic.Int64

	mu      sync.Mutex
	refused []string
	slowest time.Duration
}

func (f *fleet) startLoad(url string) *load {
	f.t.Helper()
	l, ring := &load{end: make(chan struct{})}, f.members[0].ring
	for sender := range 8 {
		client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: sender%2 == 0}}
		l.senders.Go(func() {
			defer client.CloseIdleConnections()
			each := time.NewTicker(50 * time.Millisecond)
			defer each.Stop()
			for {
				select {
				case <-l.end:
					return
				case <-each.C:
					began := time.Now()
					says := postOne(client, ring, url, l.sent.Add(1))
					l.mu.Lock()
					if says != "" {
						l.refused = append(l.refused, says)
					} else {
						l.slowest = max(l.slowest, time.Since(began)) // the machine was that slow
					}
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

// postOne posts a new event and returns what was answered, "" for 204.
func postOne(client *http.Client, ring *keyring.Ring, url string, n int64) string {
	reference := fmt.Sprintf("order-%d", n)
	path := workflows.OffloadWebhookPath(reference, ring.Token(workflows.OffloadTokenContext(reference)...))
	body := fmt.Sprintf(`{"event_id":"e%d","event":"case.completed","data":{"caseId":"c%d","status":"COMPLETED"}}`, n, n)
	response, err := client.Post(url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	if err := response.Body.Close(); err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusNoContent {
		return response.Status
	}
	return ""
}

// goOn waits until some more posts were sent.
func (l *load) goOn(t *testing.T) {
	t.Helper()
	goal := l.sent.Load() + 100
	require.Eventually(t, func() bool { return l.sent.Load() >= goal }, time.Minute, 5*time.Millisecond)
}

func (l *load) stop() {
	close(l.end)
	l.senders.Wait()
}

// rollUntil rolls new fleets behind a proxy until a roll is as wanted, 20 at most. It returns what was not answered with 204, and how many posts
// were sent.
func rollUntil(t *testing.T, wanted func(*load) bool, drainDelay string, proxy func(*fleet) (url string, awaitUp func(i int))) (f *fleet, refused []string, sent int64) {
	t.Helper()
	for range 20 {
		f = newFleet(t, "SIGNALBOX_DRAIN_DELAY="+drainDelay, "SIGNALBOX_TRUSTED_PROXIES=127.0.0.1")
		l := f.roll(proxy(f))
		if refused, sent = l.refused, l.sent.Load(); wanted(l) {
			break
		}
	}
	return f, refused, sent
}

// judged says that a roll counts: it refused nothing, or no accepted post was so slow that a proxy may have taken a process for gone on a busy machine.
func judged(l *load) bool { return len(l.refused) == 0 || l.slowest < 300*time.Millisecond }

func refusedSome(l *load) bool { return len(l.refused) > 0 }

// roll restarts one process after the other under load.
func (f *fleet) roll(url string, awaitUp func(i int)) *load {
	f.t.Helper()
	l := f.startLoad(url)
	for i := range f.members {
		l.goOn(f.t)
		f.restart(i)
		awaitUp(i)
	}
	l.goOn(f.t)
	l.stop()
	return l
}

// requireEachOnce says that as many events are stored as were accepted.
func (f *fleet) requireEachOnce(accepted int64) {
	f.t.Helper()
	var stored int64
	f.onInbox(func(inbox.Store, inbox.Delivery) { stored++ })
	require.Equal(f.t, accepted, stored)
}

func TestARollingRestartBehindHAProxyRefusesNoWebhook(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "haproxy", "haproxy")
	// HAProxy notices after two checks, 200 ms on a machine that is not busy.
	f, refused, sent := rollUntil(t, judged, "5s", (*fleet).haproxy)
	require.Empty(t, refused)
	f.requireEachOnce(sent)
}

// The control of the test above.
func TestARollingRestartBehindHAProxyWithoutADrainDelayRefusesSome(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "haproxy", "haproxy")
	_, refused, sent := rollUntil(t, refusedSome, "0s", (*fleet).haproxy)
	require.NotEmpty(t, refused)
	require.Less(t, int64(len(refused)), sent)
}

func TestARollingRestartBehindNginxThatRepeatsRefusesNoWebhook(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "nginx", "nginx-light")
	f, refused, sent := rollUntil(t, judged, "1s", func(f *fleet) (string, func(int)) { return f.nginx(), func(int) {} })
	require.Empty(t, refused)
	f.requireEachOnce(sent)
}

// The control of the test above.
func TestARollingRestartBehindNginxThatRepeatsNothingRefusesSome(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "nginx", "nginx-light")
	_, refused, sent := rollUntil(t, refusedSome, "0s", func(f *fleet) (string, func(int)) {
		return f.nginx("proxy_next_upstream error timeout http_503 non_idempotent;", "proxy_next_upstream off;"), func(int) {}
	})
	require.NotEmpty(t, refused)
	require.Less(t, int64(len(refused)), sent)
}
