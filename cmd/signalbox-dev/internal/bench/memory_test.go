package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// TestMain lets this test binary be the worker, as signalbox-dev is.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "bench" {
		os.Exit(pgtest.Run(m).Run())
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

func TestAWorkerForgetsTheCasesBeyondItsCache(t *testing.T) {
	t.Parallel()
	command := Command()
	var out, progress bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&progress)
	command.SetArgs([]string{"--only", "memory", "--cases", "80", "--cached", "10", "--json", "--folder", t.TempDir()})
	require.NoError(t, command.ExecuteContext(t.Context()))
	var report Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	m := report.Memory
	require.Equal(t, 10, m.Cached)
	require.Len(t, m.Readings, 3)
	for i, cases := range []int{1, 20, 80} {
		require.Equal(t, cases, m.Readings[i].Cases)
		require.Positive(t, m.Readings[i].Bytes)
	}
	// So few cases weigh nothing beside the rest of the process, but each workflow in memory has a goroutine, which can be counted.
	require.Less(t, m.Readings[2].Goroutines, m.Readings[1].Goroutines+30, "60 more cases, none of them in memory: %v", m.Readings)
	require.Len(t, report.Figures, 1)
	require.Positive(t, report.Figures[0].Got)
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), "WORKER that keeps 10 workflows")
}

func TestAWorkersMemoryIsFlatOrNot(t *testing.T) {
	t.Parallel()
	for bytes, held := range map[uint64]bool{100: true, 120: true, 121: false} {
		m := Memory{Readings: []Reading{{Bytes: 1}, {Bytes: 100}, {Bytes: bytes}}}
		require.Equal(t, held, figures(Report{Memory: &m})[0].Held, bytes)
	}
}

func TestCasesThatWouldAllFitIntoTheCacheAreRefused(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]Options{
		"--cases: it can't be negative":             {Cases: -1},
		"--cached: 9: want at least 10 workflows":   {Cases: 100, Cached: 9},
		"--cases: 1000: want more than 1000, twice": {Cases: 1000, Cached: 500},
	} {
		o.Seconds, o.Deliveries = 1, 1
		_, err := Run(t.Context(), o)
		require.ErrorContains(t, err, says)
	}
}
