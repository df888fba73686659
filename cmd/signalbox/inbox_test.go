package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// asCommand is the variable that makes the test binary the command itself, for tests of whole processes.
const asCommand = "SIGNALBOX_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(pgtest.Run(m).Run())
}

// testInbox is a folder with keys and an inbox with three deliveries: one delivered, one dead, one unmatched.
type testInbox struct {
	environ                    []string
	inbox                      string
	keys                       *keyring.Ring
	delivered, dead, unmatched string
}

func newTestInbox(t *testing.T) testInbox {
	t.Helper()
	return newTestInboxOn(t, "")
}

// newTestInboxOn takes the address of an empty database, or makes a file.
func newTestInboxOn(t *testing.T, address string) testInbox {
	t.Helper()
	folder := t.TempDir()
	d := testInbox{inbox: cmp.Or(address, filepath.Join(folder, "i.db"))}
	keys := filepath.Join(folder, "keys.json")
	d.environ = []string{"SIGNALBOX_INBOX=" + d.inbox, "SIGNALBOX_KEYRING=" + keys}
	var err error
	d.keys, err = keyring.LoadOrCreate(keys)
	require.NoError(t, err)
	store, err := storage.Open(t.Context(), d.inbox, nil)
	require.NoError(t, err)
	add := func(lane string, state inbox.State, body string) string {
		return d.add(t, store, inbox.Delivery{Provider: offload.Name, Lane: lane, Kind: "case.completed\x1b[2J", State: state}, body)
	}
	d.delivered = add(offload.Lane("vendor_1"), inbox.StatePending, `{"data":{"caseId":"c1","result":"pat@example.com"}}`)
	d.dead = add("", inbox.StateDead, `{`)
	d.unmatched = add(offload.Lane("vendor_2"), inbox.StatePending, `{"caseId":"c2"}`)
	inboxtest.RetryBusy(t, func() error {
		return store.Settle(t.Context(), inbox.SettleRequest{Now: time.Now(), Settlements: []inbox.Settlement{
			inbox.Finish(d.delivered, inbox.StateDelivered, ""), inbox.Finish(d.unmatched, inbox.StateUnmatched, "no such workflow"),
		}})
	})
	require.NoError(t, store.Close())
	return d
}

// serve opens the inbox, as a running ingress does, until the test ends.
func (d testInbox) serve(t *testing.T) {
	t.Helper()
	store, err := storage.Open(t.Context(), d.inbox, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
}

// add stores a delivery with a sealed body and returns its ID.
func (d testInbox) add(t *testing.T, store inbox.Store, one inbox.Delivery, body string) string {
	t.Helper()
	now := time.Now()
	one.ID, one.ReceivedAt = inbox.NewID(now), now
	var err error
	one.Body, err = d.keys.Seal([]byte(body), hook.BodyContext(one.Provider, one.Lane, one.ID)...)
	require.NoError(t, err)
	stored := one.ID
	inboxtest.RetryBusy(t, func() error {
		receipts, err := store.Append(t.Context(), []inbox.Delivery{one})
		if err == nil {
			stored = receipts[0].ID
		}
		return err
	})
	return stored
}

// addTo opens the inbox for one delivery.
func (d testInbox) addTo(t *testing.T, one inbox.Delivery, body string) string {
	t.Helper()
	store, err := storage.OpenExisting(t.Context(), d.inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	return d.add(t, store, one, body)
}

// audited is the audit trail, the newest first.
func (d testInbox) audited(t *testing.T) []inbox.AuditEntry {
	t.Helper()
	got := command(t, d.environ, "inbox", "audit", "--json")
	require.Zero(t, got.status, got.err)
	var page inboxadmin.AuditPage
	require.NoError(t, json.Unmarshal([]byte(got.out), &page))
	return page.Entries
}

func TestInboxCommandsWorkWithAndWithoutARunningIngress(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		got := command(t, d.environ, "inbox", "list")
		require.Zero(t, got.status, got.err)
		for _, s := range []string{"REASON", d.delivered, d.dead, d.unmatched, "no such workflow", `case.completed\u001b[2J`} {
			require.Contains(t, got.out, s)
		}
		require.NotContains(t, got.out, "\x1b", "a stranger's text does not steer the terminal")

		got = command(t, d.environ, "inbox", "list", "--json", "--state", "delivered,unmatched", "--reference", "vendor_2", "--since", "1h")
		require.Zero(t, got.status, got.err)
		var list inbox.Page
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
		require.Empty(t, got.err)
		require.Contains(t, command(t, d.environ, "inbox", "show", d.dead).out, "not shown")

		got = command(t, d.environ, "inbox", "replay", "--all")
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, "1 replayed, 1 skipped")
		require.Equal(t, 2, command(t, d.environ, "inbox", "replay", d.delivered, "--state", "dead").status)
		got = command(t, d.environ, "inbox", "replay", d.delivered, "--json")
		require.JSONEq(t, `{"replayed":1,"skipped":0}`, got.out)

		require.Equal(t, "1 dismissed\n", command(t, d.environ, "inbox", "dismiss", d.dead).out)
		got = command(t, d.environ, "inbox", "dismiss", d.dead, "--json")
		require.JSONEq(t, `{"dismissed":1}`, got.out, "again")

		got = command(t, d.environ, "inbox", "counts")
		require.Regexp(t, `pending +2\n`, got.out)
		require.Regexp(t, `dead +0\n`, got.out)
		require.Regexp(t, `ignored +1\n`, got.out)
		require.Contains(t, got.out, "oldest pending")

		got = command(t, d.environ, "inbox", "purge", "--rows-before", "1ns")
		require.Equal(t, "0 bodies and 1 deliveries removed\n", got.out, got.err)
		got = command(t, d.environ, "inbox", "purge", "--bodies-before", "1ns", "--json")
		require.JSONEq(t, `{"bodies":0,"rows":0}`, got.out, got.err)
	})
}

// forEachInbox runs a test on each kind of inbox, while a process has it open and while none has.
func forEachInbox(t *testing.T, run func(t *testing.T, d testInbox)) {
	for name, running := range map[string]bool{"the ingress runs": true, "the ingress is stopped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newTestInbox(t)
			if running {
				d.serve(t)
			}
			run(t, d)
		})
		t.Run(name+", in PostgreSQL", func(t *testing.T) {
			t.Parallel()
			d := newTestInboxOn(t, pgtest.Shared(t).Database(t))
			if running {
				d.serve(t)
			}
			run(t, d)
		})
	}
}

func TestInboxCommandsHaveAnExitStatusForEachError(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		for _, c := range []struct {
			status int
			args   []string
		}{
			{3, []string{"show", "none"}},
			{3, []string{"replay", "none"}},
			{4, []string{"replay", d.dead}},
			{2, []string{"replay"}},
			{3, []string{"dismiss", "none"}},
			{4, []string{"dismiss", d.delivered}},
			{2, []string{"dismiss"}},
			{2, []string{"replay", d.delivered, "--all"}},
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
		for _, c := range []struct {
			says string
			args []string
		}{
			{"--state: want one of pending, delivered, unmatched, late, ignored, dead or quarantined", []string{"list", "--state", "dead,lost"}},
			{"--kind: want one of case.completed, case.failed, ", []string{"list", "--kind", "frob"}},
			{"--provider: want one of offload, artmail", []string{"list", "--provider", "ofload"}},
			{"--provider: want one of offload, artmail", []string{"replay", "--all", "--provider", "ofload"}},
			{"--limit: -5: want 1 to 500", []string{"list", "--limit=-5"}},
			{"--limit: 5000: want 1 to 500", []string{"list", "--limit", "5000"}},
			{"--limit: 500: want 1 to 499", []string{"audit", "--limit", "500"}},
			{"--reference: invalid reference", []string{"list", "--reference", "a b"}},
			{"--agent: invalid agent", []string{"list", "--agent", "a b"}},
		} {
			got := command(t, d.environ, append([]string{"inbox"}, c.args...)...)
			require.Equal(t, 2, got.status, "%v: %s", c.args, got.err)
			require.Contains(t, got.err, c.says)
		}
	})
}

func TestActsOfAPersonAreRecorded(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		config := filepath.Join(t.TempDir(), "signalbox.yaml")
		require.NoError(t, os.WriteFile(config, []byte("agents: {w9: {secrets: [s]}}"), 0o600))
		d.environ = append(d.environ, "SIGNALBOX_CONFIG="+config, "SUDO_USER=alice\x1b[2J")
		require.Empty(t, d.audited(t))
		for _, args := range [][]string{
			// The first three record nothing.
			{"show", d.delivered},
			{"list"},
			{"counts"},
			{"show", d.delivered, "--reveal"},
			{"replay", d.unmatched},
			{"replay", "--all", "--state", "dead", "--provider", "offload"},
			{"dismiss", d.dead},
			{"release", "--agent", "w9"},
			{"release"},
			{"purge", "--bodies-before", "720h", "--rows-before", "1440h"},
		} {
			got := command(t, d.environ, append([]string{"inbox"}, args...)...)
			require.Zero(t, got.status, "%v: %s", args, got.err)
		}
		var acts []string
		for _, e := range d.audited(t) {
			require.Contains(t, e.Who, "(sudo by alice")
			require.WithinDuration(t, time.Now(), e.At, time.Minute)
			acts = append(acts, e.Action+" "+e.Subject)
		}
		require.Len(t, acts, 7)
		require.Regexp(t, `^purge bodies before 20.*Z?, rows before 20`, acts[0])
		require.Equal(t, []string{
			"release all agents", "release w9", "dismiss " + d.dead, "replay 1 deliveries: state=dead provider=offload", "replay " + d.unmatched, "reveal " + d.delivered,
		}, acts[1:])

		got := command(t, d.environ, "inbox", "audit", "--limit", "2")
		require.Zero(t, got.status, got.err)
		require.NotContains(t, got.out, "\x1b")
		rows, cursor, more := strings.Cut(got.out, "more: --cursor ")
		require.True(t, more, got.out)
		require.Equal(t, 3, strings.Count(rows, "\n"), "a heading and two entries")
		got = command(t, d.environ, "inbox", "audit", "--cursor", strings.TrimSpace(cursor))
		require.NotContains(t, got.out, "more:")
		require.Equal(t, 6, strings.Count(got.out, "\n"))
	})
}

func TestAReleaseWithoutAKeyringIsRefusedBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	d.addTo(t, inbox.Delivery{Provider: artmail.Name, Scope: "w9", Kind: "unverified", State: inbox.StateQuarantined}, signed(`{"type":"test.ping"}`))
	config := filepath.Join(t.TempDir(), "signalbox.yaml")
	require.NoError(t, os.WriteFile(config, []byte("agents: {w9: {secrets: ["+webhookSecret+"]}}"), 0o600))
	got := command(t, append(d.environ, "SIGNALBOX_CONFIG="+config), "inbox", "release", "--keyring", "")
	require.Equal(t, 2, got.status, got.err)
	require.Contains(t, got.err, "set --keyring (SIGNALBOX_KEYRING)")
	require.Empty(t, d.audited(t))
}

// unrecorded is an inbox that takes no audit record.
type unrecorded struct{ inbox.Store }

func (unrecorded) Audit(context.Context, inbox.AuditEntry) error { return inbox.ErrBusy }

func TestAnActThatCannotBeRecordedFails(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	quarantined := d.addTo(t, inbox.Delivery{Provider: artmail.Name, Scope: "w9", Kind: "unverified", State: inbox.StateQuarantined}, signed(`{"type":"test.ping"}`))
	config := filepath.Join(t.TempDir(), "signalbox.yaml")
	require.NoError(t, os.WriteFile(config, []byte("agents: {w9: {secrets: ["+webhookSecret+"]}}"), 0o600))
	d.environ = append(d.environ, "SIGNALBOX_CONFIG="+config)
	require.Regexp(t, `unverified +agent w9 `, command(t, d.environ, "inbox", "list", "--state", "quarantined", "--kind", "unverified").out)
	for _, args := range [][]string{
		{"show", d.delivered, "--reveal"}, {"replay", d.delivered}, {"replay", "--all"}, {"dismiss", d.dead}, {"release"}, {"purge", "--rows-before", "1ns"},
	} {
		got := commandOn(t, d.environ, func(s inbox.Store) inbox.Store { return unrecorded{s} }, append([]string{"inbox"}, args...)...)
		require.Equal(t, 6, got.status, "%v: %s", args, got.err)
		require.Empty(t, got.out)
		require.Contains(t, got.err, "nothing was done")
	}
	store, err := storage.OpenExisting(t.Context(), d.inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	for id, state := range map[string]inbox.State{d.delivered: inbox.StateDelivered, d.unmatched: inbox.StateUnmatched, d.dead: inbox.StateDead, quarantined: inbox.StateQuarantined} {
		one, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, state, one.State)
		require.NotEmpty(t, one.Body)
	}
}

const webhookSecret = "whsec_1"

// signed is a body as the quarantine keeps it, with the signature that the secret makes.
func signed(body string) string {
	return string(hook.Pack([]string{artmail.Sign([]byte(body), webhookSecret)}, "", []byte(body)))
}

func TestPersonalTextsAreShownOnlyByReveal(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	const body = `{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","approved":true,"reason":"Pat in finance said yes","runId":null}`
	id := d.addTo(t, inbox.Delivery{Provider: artmail.Name, Scope: "w9", Lane: "artmail-activation/w9/a1", Kind: "approval_response", State: inbox.StatePending}, body)
	for _, form := range [][]string{nil, {"--json"}} {
		got := command(t, d.environ, append([]string{"inbox", "show", id}, form...)...)
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, `"inResponseToId": "m0"`)
		require.Contains(t, got.out, `"approved": true`)
		require.Contains(t, got.out, `"reason": "[redacted]"`)
		require.NotContains(t, got.out, "finance")
		got = command(t, d.environ, append([]string{"inbox", "show", id, "--reveal"}, form...)...)
		require.Contains(t, got.out, "Pat in finance said yes")
	}
}

func TestAnUnreadableBodyIsWithheld(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	for name, body := range map[string]string{
		"not JSON":          `apiKey=art_key_1`,
		"two documents":     `{"a":1}{"apiKey":"art_key_1"}`,
		"cut":               `{"apiKey":"art_key_1"`,
		"not even text":     "\xff\xfe art_key_1",
		"followed by words": `{} apiKey: art_key_1`,
	} {
		id := d.addTo(t, inbox.Delivery{Provider: offload.Name, State: inbox.StateDead}, body)
		got := command(t, d.environ, "inbox", "show", id)
		require.Contains(t, got.out, "not JSON", name)
		require.NotContains(t, got.out, "art_key_1", name)
		got = command(t, d.environ, "inbox", "show", id, "--reveal", "--json")
		var shown inboxadmin.Shown
		require.NoError(t, json.Unmarshal([]byte(got.out), &shown), name)
		require.Equal(t, []byte(body), shown.Raw, name)
	}
}

func TestABodyThatCantBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	_, other := newKeys(t)
	withheld := func(environ ...string) string {
		got := command(t, append([]string{"SIGNALBOX_INBOX=" + d.inbox}, environ...), "inbox", "show", d.delivered, "--reveal")
		require.Zero(t, got.status, got.err)
		require.NotContains(t, got.out, "caseId")
		return got.out
	}
	require.Contains(t, withheld(), "no keyring")
	require.Contains(t, withheld(other), "this keyring can't open")
	require.Equal(t, 2, command(t, []string{"SIGNALBOX_INBOX=" + d.inbox, "SIGNALBOX_KEYRING=/nowhere"}, "inbox", "show", d.delivered).status)
	require.Zero(t, command(t, d.environ, "inbox", "purge", "--bodies-before", "1ns").status)
	require.Contains(t, withheld(d.environ[1]), "purged")
}

func TestAReleaseAcceptsWebhooksThatASecretVerifies(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		config := filepath.Join(t.TempDir(), "signalbox.yaml")
		require.NoError(t, os.WriteFile(config, []byte("agents: {w9: {secrets: ["+webhookSecret+"]}}"), 0o600))
		environ := append(slices.Clone(d.environ), "SIGNALBOX_CONFIG="+config)
		const body = `{"event":"agent.paused","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`
		quarantined := inbox.Delivery{Provider: artmail.Name, Scope: "w9", Kind: "unverified", State: inbox.StateQuarantined}
		good := d.addTo(t, quarantined, signed(body))
		d.addTo(t, quarantined, "00\n"+body)

		shown := command(t, environ, "inbox", "show", good).out
		require.Contains(t, shown, "agent.paused", "the signature that was kept with it is not part of it")
		require.NotContains(t, shown, "art_key_1")
		require.JSONEq(t, `{"accepted":1,"duplicates":0,"refused":1,"unreadable":0}`, command(t, environ, "inbox", "release", "--agent", "w9", "--json").out)
		require.JSONEq(t, `{"accepted":0,"duplicates":0,"refused":1,"unreadable":0}`, command(t, environ, "inbox", "release", "--json").out)
		shown = command(t, environ, "inbox", "show", good).out
		require.Regexp(t, `state +ignored\n`, shown)
		require.Contains(t, shown, "agent.paused", "also once it was released")

		require.Equal(t, 2, command(t, d.environ, "inbox", "release").status, "without agents nothing can be verified")
	})
}

func TestAReplayCountsReplayedAndSkippedDeliveries(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		store, err := storage.OpenExisting(t.Context(), d.inbox)
		require.NoError(t, err)
		defer func() { require.NoError(t, store.Close()) }()
		n := inbox.MaxPage + 7
		deliveries := make([]inbox.Delivery, n)
		settle := inbox.SettleRequest{Now: time.Now()}
		for i := range deliveries {
			deliveries[i] = inbox.Delivery{
				ID: inbox.NewID(time.Now()), Provider: offload.Name, Lane: "a", Body: []byte("sealed"), ReceivedAt: time.Now(), State: inbox.StatePending,
			}
			settle.Settlements = append(settle.Settlements, inbox.Finish(deliveries[i].ID, inbox.StateLate, ""))
		}
		_, err = store.Append(t.Context(), deliveries)
		require.NoError(t, err)
		require.NoError(t, store.Settle(t.Context(), settle))

		got := command(t, d.environ, "inbox", "replay", "--all", "--lane", "a", "--json")
		require.JSONEq(t, fmt.Sprintf(`{"replayed":%d,"skipped":0}`, n), got.out, got.err)
		got = command(t, d.environ, "inbox", "replay", "--all", "--json")
		require.JSONEq(t, `{"replayed":1,"skipped":1}`, got.out, got.err)
		counts, err := store.Counts(t.Context(), inbox.StatePending, inbox.StateDelivered)
		require.NoError(t, err)
		require.Equal(t, map[inbox.State]int64{inbox.StatePending: int64(n) + 1, inbox.StateDelivered: 1}, counts, "what was delivered is not replayed unless asked for")
	})
}

func TestReadingCommandsDoNotCreateAnInbox(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.db")
	got := command(t, nil, "inbox", "list", "--inbox", path)
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, path)
	require.NoFileExists(t, path)
}

func TestReadingCommandsDoNotCreateTables(t *testing.T) {
	t.Parallel()
	got := command(t, []string{"SIGNALBOX_INBOX=" + pgtest.Shared(t).Database(t)}, "inbox", "list")
	require.Equal(t, 2, got.status, got.err)
	require.Contains(t, got.err, "signalbox ingress")
}

func TestErrorsOfADatabaseDoNotContainItsPassword(t *testing.T) {
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

func TestTheDoctorChecksTheInbox(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	d.serve(t)
	notADatabase := filepath.Join(t.TempDir(), "text.db")
	require.NoError(t, os.WriteFile(notADatabase, []byte(strings.Repeat("not an inbox ", 100)), 0o600))
	for name, c := range map[string]struct{ inbox, says string }{
		"a file":                     {d.inbox, `ok +inbox +.*i\.db, 0 pending\n`},
		"a file that is none":        {notADatabase, `FAILED +inbox .*not a database`},
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

func TestTheDoctorChecksTheDatabase(t *testing.T) {
	t.Parallel()
	d := newTestInboxOn(t, pgtest.Shared(t).Database(t))
	d.examined(t, d.inbox, `ok +inbox +postgres://.*, 0 pending`)
	d.examined(t, pgtest.Shared(t).Database(t), `ok +inbox .*made at the first start`)
	closed := pgtest.Shared(t).Database(t)
	pgtest.Shared(t).Exec(t, "postgres", "DROP ROLE IF EXISTS stranger", "CREATE ROLE stranger LOGIN")
	d.examined(t, closed+"&user=stranger", `FAILED +inbox .*grant CREATE`)
}

func (d testInbox) examined(t *testing.T, inbox, says string) {
	t.Helper()
	got := command(t, append(d.environ[1:], "SIGNALBOX_INBOX="+inbox, "TEMPORAL_ADDRESS=127.0.0.1:1"), "doctor", "ingress")
	require.Regexp(t, says, got.out)
	require.NotContains(t, got.out+got.err, "hunter2")
}
