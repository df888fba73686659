package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestARunMeasuresEverythingAndSaysWhatHolds(t *testing.T) {
	t.Parallel()
	command := Command()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&bytes.Buffer{})
	command.SetArgs([]string{"--seconds", "0.2", "--deliveries", "20", "--json", "--folder", t.TempDir()})
	require.NoError(t, command.ExecuteContext(t.Context()))
	var report Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	variants, numbers := 7, 7
	if pgserver.Installed() == nil {
		variants, numbers = 9, 9
	}
	require.Len(t, report.Acks, variants)
	require.Len(t, report.Drains, 3)
	require.Len(t, report.Latency, 5)
	for _, list := range [][]Sample{report.Acks, report.Drains, report.Latency} {
		for _, s := range list {
			require.Positive(t, s.Count, s.Name)
			require.Positive(t, s.PerSecond, s.Name)
		}
	}
	require.Len(t, report.Figures, numbers)
	for _, f := range report.Figures {
		require.Positive(t, f.Got, f.What)
	}
	require.Positive(t, report.Machine.Sync)
	var table bytes.Buffer
	require.NoError(t, report.write(&table, false, nil))
	require.Contains(t, table.String(), report.Figures[0].What)
}

func TestAnEmptyRunIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), Options{})
	require.ErrorContains(t, err, "must be positive")
	_, err = Run(t.Context(), Options{Seconds: 1, Deliveries: 1, Only: []string{"ack"}})
	require.ErrorContains(t, err, `no part "ack"; the parts are acks, drains, latency`)
}

func TestWhatWasMeasuredIsPrintedWhereARunBreaksOff(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var table bytes.Buffer
	command := Command()
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetOut(&table)
	command.SetErr(onLine{"round 2 of 3", interrupt})
	command.SetArgs([]string{"--only", "acks", "--seconds", "0.2", "--folder", t.TempDir()})
	require.ErrorContains(t, command.ExecuteContext(ctx), "canceled")
	require.Contains(t, table.String(), rowAccept)
	require.Contains(t, table.String(), "durable acks against answering and keeping nothing")
	require.NotContains(t, table.String(), " 0 x", "no figure without a measurement")
}

// onLine does something at a line of progress.
type onLine struct {
	line string
	do   func()
}

func (o onLine) Write(p []byte) (int, error) {
	if o.line != "" && bytes.Contains(p, []byte(o.line)) {
		o.do()
	}
	return len(p), nil
}

func TestFiguresAreHeldOrNot(t *testing.T) {
	t.Parallel()
	require.True(t, atLeast("a", 30, 30, "x").Held)
	require.False(t, atLeast("a", 29.9, 30, "x").Held)
	require.True(t, atMost("a", 15, 15, "ms").Held)
	require.False(t, atMost("a", 15.1, 15, "ms").Held)
	require.False(t, atMost("a", ratio(1, 0), 15, "ms").Held, "what was not measured is not held")
}

func TestRoundsAreAddedUp(t *testing.T) {
	t.Parallel()
	var s Sample
	s.add(loadtest.Result{Connections: 2, Count: 10, Took: time.Second, CPU: time.Millisecond, Waits: []time.Duration{1, 5}})
	s.add(loadtest.Result{Connections: 2, Count: 30, Took: time.Second, CPU: 3 * time.Millisecond, Waits: []time.Duration{3}})
	require.Equal(t, 40, s.Count)
	require.InDelta(t, 20, s.PerSecond, 0)
	require.InDelta(t, 100, s.CPU, 0)
	require.Equal(t, []time.Duration{1, 3, 5}, s.waits)
}

func TestWhatIsAcknowledgedAndNotStoredIsFound(t *testing.T) {
	t.Parallel()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	s := &stage{keys: keys, folder: t.TempDir()}
	signalbox, err := s.startReceiver(t.Context(), s.newInbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, signalbox.close()) }()
	_, err = loadtest.Load{Address: signalbox.address(), Requests: loadtest.ForCases(keys, 3, &s.numbers), Count: 20}.Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, signalbox.requireStored(t.Context(), 20))
	require.ErrorContains(t, signalbox.requireStored(t.Context(), 21), "acknowledged 21 events, the inbox has 20")
	page, err := signalbox.inbox.List(t.Context(), inbox.Filter{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, inbox.StatePending, page.Deliveries[0].State, "the events are ones that a relay would deliver")
}

func TestACancelledRunEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, Options{Seconds: 60, Deliveries: 1, Folder: t.TempDir(), Progress: &bytes.Buffer{}})
	require.ErrorIs(t, err, context.Canceled)
}
