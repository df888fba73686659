package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// restoredFrom returns a testInbox that is restored from a backup, as deploy/BACKUP.md says.
func (d testInbox) restoredFrom(t *testing.T, backup string) testInbox {
	t.Helper()
	if postgres.IsAddress(d.inbox) {
		d.inbox = pgtest.Shared(t).Database(t)
		said, err := exec.CommandContext(t.Context(), "pg_restore", "--no-owner", "--single-transaction", "--dbname="+d.inbox, backup).CombinedOutput()
		require.NoError(t, err, string(said))
	} else {
		content, err := os.ReadFile(backup)
		require.NoError(t, err)
		d.inbox = filepath.Join(t.TempDir(), "i.db")
		require.NoError(t, os.WriteFile(d.inbox, content, 0o600))
	}
	d.environ = append([]string{"SIGNALBOX_INBOX=" + d.inbox}, d.environ[1:]...)
	return d
}

// requireDeliveries checks that the inbox has the deliveries of a new testInbox and no other, with bodies that the keyring opens.
func (d testInbox) requireDeliveries(t *testing.T) {
	t.Helper()
	got := command(t, d.environ, "inbox", "counts")
	require.Zero(t, got.status, got.err)
	for _, state := range []inbox.State{inbox.StateDelivered, inbox.StateDead, inbox.StateUnmatched} {
		require.Regexp(t, string(state)+` +1\n`, got.out)
	}
	require.Regexp(t, `pending +0\n`, got.out)
	got = command(t, d.environ, "inbox", "list")
	for _, s := range []string{d.delivered, d.dead, d.unmatched, "no such workflow"} {
		require.Contains(t, got.out, s)
	}
	require.Contains(t, command(t, d.environ, "inbox", "show", d.delivered, "--reveal").out, "pat@example.com")
}

func TestABackupIsRestoredWithItsDeliveries(t *testing.T) {
	t.Parallel()
	forEachInbox(t, func(t *testing.T, d testInbox) {
		if postgres.IsAddress(d.inbox) {
			pgtest.NeedDump(t)
		}
		file := filepath.Join(t.TempDir(), "backup")
		got := command(t, d.environ, "inbox", "backup", file)
		require.Zero(t, got.status, got.err)
		_, keys, _ := strings.Cut(d.environ[1], "=")
		require.Equal(t, file+" is written; what it holds opens only with "+keys+", which is not in it: keep a copy of that in another place\n", got.out)
		d.addTo(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("since"), Kind: "case.completed", State: inbox.StatePending}, `{"caseId":"c3"}`)
		got = command(t, d.environ, "inbox", "backup", file)
		require.Equal(t, 2, got.status, "a backup is never overwritten")
		require.Contains(t, got.err, "name another, or remove it")

		restored := d.restoredFrom(t, file)
		restored.requireDeliveries(t)
		// It is an inbox like any other: what it holds can be replayed.
		require.Zero(t, command(t, restored.environ, "inbox", "replay", d.unmatched).status)
		require.Regexp(t, `pending +1\n`, command(t, restored.environ, "inbox", "counts").out)
		require.Regexp(t, `pending +1\n`, command(t, d.environ, "inbox", "counts").out, "that of the delivery since")
	})
}

// Without pg_dump the command prints a line for a machine that has it. The file that the line makes is restored like the others.
func TestWithoutPgDumpABackupSaysWhatToRun(t *testing.T) {
	t.Parallel()
	d := newTestInboxOn(t, pgtest.Shared(t).Database(t))
	file := filepath.Join(t.TempDir(), "backup")
	// The command runs without pg_dump on its PATH. The address has a password, which it must not print.
	process := exec.CommandContext(t.Context(), os.Args[0], "inbox", "backup", file)
	process.Env = append([]string{asCommand + "=1", "PATH=" + t.TempDir(), "SIGNALBOX_INBOX=" + d.inbox + "&password=hunter2"}, d.environ[1:]...)
	var said bytes.Buffer
	process.Stdout, process.Stderr = &said, &said
	require.Error(t, process.Run())
	require.Equal(t, 1, process.ProcessState.ExitCode(), said.String())
	require.Contains(t, said.String(), "pg_dump is not on this machine: install PostgreSQL's client programs")
	require.NotContains(t, said.String(), "hunter2")
	require.NoFileExists(t, file)

	pgtest.NeedDump(t)
	_, line, found := strings.Cut(said.String(), "PGPASSWORD: ")
	require.True(t, found, said.String())
	require.Contains(t, line, "--file=FILE")
	output, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "--file=FILE", "--file="+file, 1)).CombinedOutput()
	require.NoError(t, err, string(output))
	d.restoredFrom(t, file).requireDeliveries(t)
}
