//go:build torture

package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// TestMain is also the processes of a run: it runs this binary again.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "torture" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
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

// short is a run of seconds.
func short(t *testing.T, seed uint64) Options {
	t.Helper()
	return Options{Events: 150, Kills: 1, Duplicates: 10, Seed: seed, TimeLimit: 4 * time.Minute, Players: 12, Progress: progress{t}}
}

func tortured(t *testing.T, o Options) Report {
	t.Helper()
	report, err := Run(t.Context(), o)
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	t.Log(table.String())
	if report.Folder != "" {
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(report.Folder)) })
	}
	return report
}

// requireNothingRunsIn looks for processes that were started for the folder, where the system shows them.
func requireNothingRunsIn(t *testing.T, folder string) {
	t.Helper()
	require.NotEmpty(t, folder)
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, line := range lines {
		// A process may end meanwhile.
		if content, err := os.ReadFile(line); err == nil {
			require.NotContains(t, string(content), folder, line)
		}
	}
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
	t.Parallel()
	o := short(t, 1)
	o.Keep = true
	report := tortured(t, o)
	requireNothingRunsIn(t, report.Folder)
	for _, i := range report.Invariants {
		require.Positive(t, i.Checked, i.Name)
		require.Empty(t, i.Violations, i.Name)
	}
	for _, one := range roles {
		require.Equal(t, 1, report.Kills[one], one)
		require.Equal(t, 1, report.Pauses[one], one)
	}
	require.GreaterOrEqual(t, report.Wire.Events, 150)
	require.Positive(t, report.Wire.Repeats)
	require.Positive(t, report.Replayed)
	require.Positive(t, report.Repeated, "a replay reaches its workflow")

	var table, machine bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), "seed 1,")
	require.NoError(t, report.WriteJSON(&machine))
	var read Report
	require.NoError(t, json.Unmarshal(machine.Bytes(), &read))
	require.Equal(t, report.Wire, read.Wire)
}

func TestAnAcknowledgementBeforeTheCommitIsFoundAsALoss(t *testing.T) {
	t.Parallel()
	o := short(t, 2)
	o.Kills = 3
	o.instead = map[role]role{roleIngress: roleEarlyIngress}
	o.spared = map[role]bool{roleTemporal: true, roleWorker: true}
	o.TimeLimit = 20 * time.Second // What was lost is waited for in vain.
	report := tortured(t, o)
	require.NotEmpty(t, violations(t, report, "each acknowledged event is in the inbox"))
}

func TestWorkflowsWithoutTheirWindowOfSeenKeysAreFoundToCountTwice(t *testing.T) {
	t.Parallel()
	o := short(t, 3)
	o.Events, o.Kills, o.Players = 300, 4, 24
	o.instead = map[role]role{roleWorker: roleForgetfulWorker}
	o.spared = map[role]bool{roleTemporal: true, roleWorker: true}
	report := tortured(t, o)
	require.NotEmpty(t, violations(t, report, "no event counts twice"))
	require.Empty(t, violations(t, report, "each acknowledged event is in the inbox"))
}

func TestTheCommandRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--events", "0"},
		{"--kills", "-1"},
		{"--duplicates", "51"},
		{"--time-limit", "0s"},
		{"--players", "0"},
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
