package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// TestMain is also the processes of a run: it runs this binary again.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "torture" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "test", SilenceUsage: true}
	root.AddCommand(Command())
	root.SetArgs(os.Args[1:])
	if err := root.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

// progress shows a run's progress where the test is asked to be loud.
type progress struct{ t *testing.T }

func (p progress) Write(b []byte) (int, error) {
	p.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// short is a run of half a minute on two cores. Its time limit is far longer: it is there to end a run that hangs, not to measure.
func short(t *testing.T, seed uint64) Options {
	t.Helper()
	return Options{
		Events: 150, Kills: 1, Duplicates: 10, Seed: seed, TimeLimit: 20 * time.Minute, Players: 12, Progress: progress{t},
		Keep: true, Inbox: inboxSQLite, attempt: 8 * time.Second,
	}
}

// tortured runs and sees to it that nothing is left behind.
func tortured(t *testing.T, o Options) Report {
	t.Helper()
	report, err := Run(t.Context(), o)
	pgtest.Demand(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(report.Folder)) })
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	t.Log(table.String())
	require.NotEmpty(t, report.Folder)
	require.Empty(t, runningIn(t, report.Folder))
	return report
}

// runningIn are the command lines of processes that were started for the folder or work in it, where the system shows them.
func runningIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var running []string
	for _, file := range files {
		// A process may end meanwhile.
		line, err := os.ReadFile(file)
		// PostgreSQL's processes have titles for command lines.
		at, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		if err == nil && (bytes.Contains(line, []byte(folder)) || strings.HasPrefix(at, folder)) {
			running = append(running, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return running
}

func violations(t *testing.T, r Report, name string) []string {
	t.Helper()
	for _, i := range r.Invariants {
		if i.Name == name {
			require.Positive(t, i.Checked, name)
			return i.Violations
		}
	}
	require.Failf(t, "no such invariant", name)
	return nil
}

func TestNothingIsLostAndNothingCountsTwiceWhileEverythingIsKilled(t *testing.T) {
	o := short(t, 1)
	report := survived(t, o)
	require.Positive(t, report.Wire.Answers[http.StatusServiceUnavailable], "a full disk is refused")

	var table, machine bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), "seed 1, inbox in SQLite, payloads plain,")
	require.True(t, strings.Contains(keptByTemporal(t, report), aQuestion), "without encryption it is found")
	require.NoError(t, report.WriteJSON(&machine))
	var read Report
	require.NoError(t, json.Unmarshal(machine.Bytes(), &read))
	require.Equal(t, report.Wire, read.Wire)
}

func TestNothingIsLostAndNothingCountsTwiceWithEncryptedPayloads(t *testing.T) {
	o := short(t, 1)
	o.EncryptPayloads = true
	report := survived(t, o)
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), "seed 1, inbox in SQLite, payloads encrypted,")
	require.False(t, strings.Contains(keptByTemporal(t, report), aQuestion), "Temporal keeps it encrypted")
}

// aQuestion is a text that every run lets the provider ask.
const aQuestion = "Question 1?"

// keptByTemporal is the content of Temporal's database.
func keptByTemporal(t *testing.T, report Report) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(report.Folder, "temporal.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}

func TestNothingIsLostAndNothingCountsTwiceWhilePostgreSQLIsKilledToo(t *testing.T) {
	o := short(t, 1)
	o.Inbox = inboxPostgres
	report := survived(t, o)
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), "seed 1, inbox in PostgreSQL, payloads plain,")
}

func TestNothingIsLostAndNothingCountsTwiceWhileTheNetworkIsBad(t *testing.T) {
	for _, inbox := range []string{inboxSQLite, inboxPostgres} {
		t.Run(inbox, func(t *testing.T) {
			o := short(t, 4)
			o.Inbox, o.Toxics = inbox, len(networkFaults)
			report := survived(t, o)
			require.Len(t, report.Networks[roleTemporal], len(networkFaults), "each kind has had its turn")
			if inbox == inboxPostgres {
				require.Len(t, report.Networks[rolePostgres], len(networkFaults))
			}
			var table bytes.Buffer
			require.NoError(t, report.WriteTable(&table))
			require.Contains(t, table.String(), "network to temporal")
		})
	}
}

// survived runs, and demands that each fault was carried out and each invariant held.
func survived(t *testing.T, o Options) Report {
	t.Helper()
	report := tortured(t, o)
	for _, i := range report.Invariants {
		require.Positive(t, i.Checked, i.Name)
		require.Empty(t, i.Violations, i.Name)
	}
	for _, one := range o.roles() {
		for _, d := range o.faultKindsOf(one) {
			require.Equal(t, 1, report.Faults[one][d], "%s: %s", one, d)
		}
	}
	require.GreaterOrEqual(t, report.Wire.Events, 150)
	require.Positive(t, report.Wire.Repeats)
	require.Positive(t, report.Replayed)
	require.Positive(t, report.Repeated, "a replay reaches its workflow")
	return report
}

func TestTheCommandRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--events", "0"},
		{"--kills", "-1"},
		{"--toxics", "-1"},
		{"--duplicates", "51"},
		{"--time-limit", "0s"},
		{"--players", "0"},
		{"--inbox", "postgres://localhost/inbox"},
		{"extra"},
		{argument, "nobody"},
		{argument},
	} {
		command := Command()
		command.SilenceUsage, command.SilenceErrors = true, true
		command.SetArgs(args)
		require.Error(t, command.ExecuteContext(t.Context()), fmt.Sprint(args))
	}
}
