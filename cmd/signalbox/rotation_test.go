package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const rotationSecret = "art_secret_of_the_rotation"

// fleet is two ingress processes that share a key document and an inbox. Temporal is away: receiving does not need it.
type fleet struct {
	t       *testing.T
	folder  string
	keys    string
	inbox   string
	members [2]*member
	client  http.Client
	// settings are variables of the processes, besides those that each test needs.
	settings []string
	posts    int
	refused  []string
}

type member struct {
	address string
	process *exec.Cmd
	log     *bytes.Buffer
	// ring is what the document held when the process started.
	ring *keyring.Ring
}

func newFleet(t *testing.T, settings ...string) *fleet {
	t.Helper()
	folder := t.TempDir()
	f := &fleet{
		t: t, folder: folder, keys: filepath.Join(folder, "keys.json"), inbox: filepath.Join(folder, "inbox.db"),
		client: http.Client{Timeout: time.Minute}, settings: settings,
	}
	require.Zero(t, command(t, nil, "keys", "create", f.keys).status)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "signalbox.yaml"), fmt.Appendf(nil, "agents: {pages: {secrets: [%s]}}\n", rotationSecret), 0o600))
	for i := range f.members {
		f.members[i] = &member{address: freeAddress(t)}
		f.start(i)
	}
	t.Cleanup(func() {
		for i := range f.members {
			f.stop(i)
		}
	})
	return f
}

func (f *fleet) start(i int) {
	f.t.Helper()
	m := &member{address: f.members[i].address, log: &bytes.Buffer{}, ring: readRing(f.t, f.keys)}
	m.process = exec.CommandContext(context.WithoutCancel(f.t.Context()), os.Args[0], "ingress")
	m.process.Env = append([]string{
		asCommand + "=1", "HOME=" + f.folder, "TEMPORAL_ADDRESS=127.0.0.1:1",
		"SIGNALBOX_CONFIG=" + filepath.Join(f.folder, "signalbox.yaml"),
		"SIGNALBOX_KEYRING=" + f.keys, "SIGNALBOX_INBOX=" + f.inbox, "SIGNALBOX_LISTEN=" + m.address, "SIGNALBOX_INTERNAL_LISTEN=127.0.0.1:0",
	}, f.settings...)
	m.process.Stdout, m.process.Stderr = m.log, m.log
	testenv.KillWithParent(m.process)
	require.NoError(f.t, m.process.Start())
	f.members[i] = m
	require.Eventually(f.t, func() bool { return f.ask("http://"+m.address+"/readyz") == http.StatusOK },
		time.Minute, 20*time.Millisecond, "the ingress does not start")
}

// ask returns the status of a GET, 0 where there is no answer.
func (f *fleet) ask(url string) int {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, url, nil)
	require.NoError(f.t, err)
	response, err := f.client.Do(request)
	if err != nil {
		return 0
	}
	require.NoError(f.t, response.Body.Close())
	return response.StatusCode
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	return address
}

func (f *fleet) stop(i int) {
	f.t.Helper()
	f.client.CloseIdleConnections()
	m := f.members[i]
	require.NoError(f.t, m.process.Process.Signal(syscall.SIGTERM))
	require.NoError(f.t, m.process.Wait(), m.log.String())
}

func (f *fleet) restart(i int) {
	f.stop(i)
	f.start(i)
}

// traffic posts to each process what each process may have made: a case's URL whose token is by the keys that one of them knows.
func (f *fleet) traffic() {
	f.t.Helper()
	for _, maker := range f.members {
		for _, taker := range f.members {
			f.posts++
			reference := fmt.Sprintf("order-%d", f.posts)
			url := "http://" + taker.address + workflows.OffloadWebhookPath(reference, maker.ring.Token(workflows.OffloadTokenContext(reference)...))
			f.post(url, fmt.Sprintf(`{"event_id":"e%d","event":"case.completed","data":{"caseId":"c%d","status":"COMPLETED"}}`, f.posts, f.posts), nil)
			body := fmt.Sprintf(`{"type":"agent.activated","activationId":"act-%d","apiKey":"art_key_%d","timestamp":%d}`, f.posts, f.posts, time.Now().UnixMilli())
			f.post("http://"+taker.address+"/webhooks/artmail/pages", body, map[string]string{artmail.SignatureHeader: artmail.Sign([]byte(body), rotationSecret)})
		}
	}
}

// post posts as a provider does that tries again: on a slow disk, an event may not be stored in time.
func (f *fleet) post(url, body string, header map[string]string) {
	f.t.Helper()
	status := testenv.Eventually(f.t, func(ctx context.Context) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		for name, value := range header {
			request.Header.Set(name, value)
		}
		response, err := f.client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}, func(status int) bool { return status != http.StatusServiceUnavailable })
	if status != http.StatusNoContent {
		f.refused = append(f.refused, fmt.Sprintf("%d %s", status, body))
	}
}

// onInbox opens the inbox beside the processes, and calls do for each delivery.
func (f *fleet) onInbox(do func(store inbox.Store, d inbox.Delivery)) {
	f.t.Helper()
	store, err := storage.OpenExisting(f.t.Context(), f.inbox)
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, store.Close()) }()
	cursor := ""
	for {
		page, err := store.List(f.t.Context(), inbox.Filter{Cursor: cursor})
		require.NoError(f.t, err)
		for _, listed := range page.Deliveries {
			d, err := store.Get(f.t.Context(), listed.ID)
			require.NoError(f.t, err)
			do(store, d)
		}
		if cursor = page.Next; cursor == "" {
			return
		}
	}
}

// unopenable counts stored bodies, and those that a ring can't open.
func (f *fleet) unopenable(ring *keyring.Ring) (stored, lost int) {
	f.t.Helper()
	f.onInbox(func(_ inbox.Store, d inbox.Delivery) {
		if len(d.Body) == 0 {
			return
		}
		stored++
		if _, err := ring.Open(d.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...); err != nil {
			lost++
		}
	})
	return stored, lost
}

// deliverAll ends what is pending, as a relay does, and returns when the newest delivery arrived whose body needs another key than the ring's.
func (f *fleet) deliverAll(ring *keyring.Ring) (newest time.Time) {
	f.t.Helper()
	f.onInbox(func(store inbox.Store, d inbox.Delivery) {
		require.NoError(f.t, store.Settle(f.t.Context(), inbox.SettleRequest{
			Now: time.Now(), Settlements: []inbox.Settlement{inbox.Finish(d.ID, inbox.StateDelivered, "")},
		}))
		if !ring.SealedByCurrent(d.Body) && d.ReceivedAt.After(newest) {
			newest = d.ReceivedAt
		}
	})
	return newest
}

// Two processes rotate their keys one after the other, under traffic between each two steps.
func TestARotationInStepsRefusesNothingAndLosesNoBody(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "SIGNALBOX_DRAIN_DELAY=0s")
	f.traffic()
	for _, step := range []string{"stage", "promote"} {
		require.Zero(t, command(t, nil, "keys", step, f.keys).status)
		f.traffic()
		for i := range f.members {
			f.restart(i)
			f.traffic()
		}
	}
	require.Empty(t, f.refused)
	for i, m := range f.members {
		stored, lost := f.unopenable(m.ring)
		require.Equal(t, 2*f.posts, stored)
		require.Zero(t, lost, "process %d", i)
	}

	// The old key is retired when what it has sealed is gone; what the new one has sealed stays.
	newest := f.deliverAll(f.members[0].ring)
	dial := (&holding{}).dial(t)
	on := []string{"SIGNALBOX_INBOX=" + f.inbox}
	retire := func() result { return commandWith(t, on, dial, "keys", "retire", f.keys, "--yes") }
	got := retire()
	require.Equal(t, 4, got.status, got.err)
	require.Contains(t, got.err, errBodiesSealed.Error())
	purging := testProcess(on, dial, storage.OpenExisting)
	purging.now = func() time.Time { return newest.Add(time.Hour + time.Millisecond) }
	require.Zero(t, purging.result(t, []string{"inbox", "purge", "--bodies-before", "1h"}).status)
	got = retire()
	require.Zero(t, got.status, got.err)
	for i := range f.members {
		f.restart(i)
		f.traffic()
	}
	require.Empty(t, f.refused, "capability URLs by the old keys go on working")
	for i, m := range f.members {
		require.Zero(t, m.ring.OlderSealingKeys())
		stored, lost := f.unopenable(m.ring)
		require.Positive(t, stored)
		require.Zero(t, lost, "process %d", i)
	}
}

// The control of the test above: without the first round of restarts a process refuses what the other one has made.
func TestARotationWithoutItsFirstRestartsIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "SIGNALBOX_DRAIN_DELAY=0s")
	for _, step := range []string{"stage", "promote"} {
		require.Zero(t, command(t, nil, "keys", step, f.keys).status)
	}
	f.restart(0)
	f.traffic()
	require.NotEmpty(t, f.refused)
}
