package main

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m).Run()) }

// desktop is a folder with keys and an inbox with three deliveries: one delivered, one dead, one unmatched.
type desktop struct {
	environ                    []string
	inbox                      string
	keys                       *keyring.Ring
	delivered, dead, unmatched string
}

func newDesktop(t *testing.T) desktop {
	t.Helper()
	return newDesktopOn(t, "")
}

// newDesktopOn takes the address of an empty database, or makes a file.
func newDesktopOn(t *testing.T, address string) desktop {
	t.Helper()
	// A socket's path must be short, and a test's own folder has the test's name in it.
	folder, err := os.MkdirTemp("", "cli")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	d := desktop{inbox: cmp.Or(address, filepath.Join(folder, "i.db"))}
	keys := filepath.Join(folder, "keys.json")
	d.environ = []string{"SIGNALBOX_INBOX=" + d.inbox, "SIGNALBOX_KEYRING=" + keys}
	d.keys, err = keyring.LoadOrCreate(keys)
	require.NoError(t, err)
	store, err := storage.Open(t.Context(), d.inbox)
	require.NoError(t, err)
	add := func(lane string, state inbox.State, body string) string {
		id, err := inbox.NewID()
		require.NoError(t, err)
		sealed, err := d.keys.Seal([]byte(body), hook.BodyContext(offload.Name, lane, id)...)
		require.NoError(t, err)
		_, err = store.Append(t.Context(), []inbox.Delivery{{
			ID: id, Provider: offload.Name, Lane: lane, Kind: "case.completed\x1b[2J", State: state, Body: sealed, ReceivedAt: time.Now(),
		}})
		require.NoError(t, err)
		return id
	}
	d.delivered = add(offload.Lane("vendor_1"), inbox.StatePending, `{"caseId":"c1","result":"pat@example.com"}`)
	d.dead = add("", inbox.StateDead, `{`)
	d.unmatched = add(offload.Lane("vendor_2"), inbox.StatePending, `{"caseId":"c2"}`)
	require.NoError(t, store.Settle(t.Context(), inbox.SettleRequest{Owner: "test", Now: time.Now(), Settlements: []inbox.Settlement{
		inbox.Finish(d.delivered, inbox.StateDelivered, ""), inbox.Finish(d.unmatched, inbox.StateUnmatched, "no such workflow"),
	}}))
	require.NoError(t, store.Close())
	return d
}

// serve opens the inbox, as a running ingress does, until the test ends.
func (d desktop) serve(t *testing.T) {
	t.Helper()
	store, err := storage.Open(t.Context(), d.inbox)
	require.NoError(t, err)
	if storage.IsShared(d.inbox) {
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return
	}
	listener, err := operator.Listen(t.Context(), operator.SocketPath(d.inbox))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	desk := operator.NewDesk(operator.Parts{Inbox: store, Keys: d.keys, Log: zap.NewNop(), Now: time.Now})
	go func() { served <- desk.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
		require.NoError(t, store.Close())
	})
}

func TestInboxCommandsWorkWithAndWithoutARunningIngress(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d desktop, elsewhere bool) {
		got := command(t, d.environ, "inbox", "list")
		require.Zero(t, got.status, got.err)
		for _, s := range []string{"REASON", d.delivered, d.dead, d.unmatched, "no such workflow", `case.completed\u001b[2J`} {
			require.Contains(t, got.out, s)
		}
		require.NotContains(t, got.out, "\x1b", "a stranger's text does not steer the terminal")

		got = command(t, d.environ, "inbox", "list", "--json", "--state", "delivered,unmatched", "--reference", "vendor_2", "--since", "1h")
		require.Zero(t, got.status, got.err)
		var list operator.List
		require.NoError(t, json.Unmarshal([]byte(got.out), &list))
		require.Len(t, list.Deliveries, 1)
		require.Equal(t, d.unmatched, list.Deliveries[0].ID)

		got = command(t, d.environ, "inbox", "list", "--limit", "1")
		_, cursor, more := strings.Cut(got.out, "more: --cursor ")
		require.True(t, more, got.out)
		got = command(t, d.environ, "inbox", "list", "--limit", "1", "--cursor", strings.TrimSpace(cursor))
		require.Contains(t, got.out, d.dead)

		got = command(t, d.environ, "inbox", "show", d.delivered)
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, `"caseId": "c1"`)
		require.NotContains(t, got.out, "pat@example.com")
		got = command(t, d.environ, "inbox", "show", d.delivered, "--reveal")
		require.Contains(t, got.out, "pat@example.com")
		require.Equal(t, !elsewhere, strings.Contains(got.err, "revealed a body"), "the log is where the inbox is open")
		require.NotContains(t, got.err, "pat@example.com")
		require.Contains(t, command(t, d.environ, "inbox", "show", d.dead).out, "not shown")

		got = command(t, d.environ, "inbox", "replay", "--all")
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, "1 replayed, 1 skipped")
		got = command(t, d.environ, "inbox", "replay", d.delivered, "--json")
		require.JSONEq(t, `{"replayed":1,"skipped":0}`, got.out)

		got = command(t, d.environ, "inbox", "counts")
		require.Regexp(t, `pending +2\n`, got.out)
		require.Regexp(t, `dead +1\n`, got.out)
		require.Contains(t, got.out, "oldest pending")

		got = command(t, d.environ, "inbox", "release", "--json")
		require.JSONEq(t, `{"accepted":0,"duplicates":0,"refused":0,"unreadable":0}`, got.out, got.err)
		got = command(t, d.environ, "inbox", "purge", "--rows-before", "1ns")
		require.Equal(t, "0 bodies and 1 deliveries removed\n", got.out, got.err)
	})
}

// forEachInbox runs a test on each kind of inbox, while a process has it open and while none has. elsewhere says that the command asks
// that process and does not open the inbox itself.
func forEachInbox(t *testing.T, run func(t *testing.T, d desktop, elsewhere bool)) {
	for name, running := range map[string]bool{"the ingress runs": true, "the ingress is stopped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesktop(t)
			if running {
				d.serve(t)
			}
			run(t, d, running)
		})
		t.Run(name+", in PostgreSQL", func(t *testing.T) {
			t.Parallel()
			d := newDesktopOn(t, pgtest.Shared(t).Database(t))
			if running {
				d.serve(t)
			}
			run(t, d, false)
		})
	}
}

func TestInboxCommandsSayWhatWentWrongByTheirStatus(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d desktop, _ bool) {
		for _, c := range []struct {
			status int
			args   []string
		}{
			{3, []string{"show", "none"}},
			{3, []string{"replay", "none"}},
			{4, []string{"replay", d.dead}},
			{2, []string{"replay"}},
			{2, []string{"replay", d.delivered, "--all"}},
			{2, []string{"list", "--state", "lost"}},
			{2, []string{"list", "--cursor", "?"}},
			{2, []string{"list", "--since", "yesterday"}},
			{2, []string{"list", "--lane", "a", "--reference", "b"}},
			{2, []string{"release", "--agent", "nobody"}},
			{2, []string{"purge"}},
			{2, []string{"purge", "--bodies-before=-1h"}},
			{2, []string{"show"}},
		} {
			got := command(t, d.environ, append([]string{"inbox"}, c.args...)...)
			require.Equal(t, c.status, got.status, "%v: %s", c.args, got.err)
		}
	})
}

func TestLookingAtAnInboxMakesNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.db")
	got := command(t, nil, "inbox", "list", "--inbox", path)
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, path)
	require.NoFileExists(t, path)
}

func TestLookingAtADatabaseMakesNoInbox(t *testing.T) {
	t.Parallel()
	got := command(t, []string{"SIGNALBOX_INBOX=" + pgtest.Shared(t).Database(t)}, "inbox", "list")
	require.Equal(t, 2, got.status, got.err)
	require.Contains(t, got.err, "signalbox ingress")
}

func TestADatabaseThatIsAwayOrWrongIsToldWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for address, status := range map[string]int{
		"postgres://u:hunter2@127.0.0.1:1/d": 6, "postgres://u:hunter2@h:port/d": 2, "mysql://u:hunter2@h/d": 2,
	} {
		got := command(t, []string{"SIGNALBOX_INBOX=" + address}, "inbox", "list")
		require.Equal(t, status, got.status, got.err)
		require.Contains(t, got.err, "inbox")
		require.NotContains(t, got.out+got.err, "hunter2")
	}
}

func TestTheDoctorLooksAtTheInbox(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	for name, c := range map[string]struct{ inbox, says string }{
		"a file":                     {d.inbox, `ok +inbox +.*i\.db\n`},
		"no file yet":                {d.inbox + ".new", `ok +inbox .*made at the first start`},
		"a folder that is not there": {"/nowhere/inbox.db", `FAILED +inbox .*folder`},
		"a database that is away":    {"postgres://u:hunter2@127.0.0.1:1/d", `FAILED +inbox .*refused`},
		"a database that isn't":      {"postgres://u:hunter2@h:port/d", `FAILED +inbox .*percent-encoded`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.examined(t, c.inbox, c.says)
		})
	}
}

func TestTheDoctorLooksAtTheDatabase(t *testing.T) {
	t.Parallel()
	d := newDesktopOn(t, pgtest.Shared(t).Database(t))
	d.examined(t, d.inbox, `ok +inbox +postgres://.*, 0 pending`)
	d.examined(t, pgtest.Shared(t).Database(t), `ok +inbox .*made at the first start`)
	closed := pgtest.Shared(t).Database(t)
	pgtest.Shared(t).Exec(t, "postgres", "DROP ROLE IF EXISTS stranger", "CREATE ROLE stranger LOGIN")
	d.examined(t, closed+"&user=stranger", `FAILED +inbox .*grant CREATE`)
}

func (d desktop) examined(t *testing.T, inbox, says string) {
	t.Helper()
	got := command(t, append(d.environ[1:], "SIGNALBOX_INBOX="+inbox, "TEMPORAL_ADDRESS=127.0.0.1:1"), "doctor", "ingress")
	require.Regexp(t, says, got.out)
	require.NotContains(t, got.out+got.err, "hunter2")
}
