package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestARunMeasuresEverythingAndSaysWhatHolds(t *testing.T) {
	t.Parallel()
	command := Command()
	var out, progress bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&progress)
	command.SetArgs([]string{"--seconds", "0.2", "--deliveries", "20", "--rows", "3000", "--away", "400", "--cases", "30", "--cached", "10", "--json", "--folder", t.TempDir()})
	require.NoError(t, command.ExecuteContext(t.Context()))
	var report Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	ways := 7
	if pgserver.Installed() == nil {
		ways = 9
	}
	require.Len(t, report.Acks, ways)
	require.Len(t, report.Drains, 3)
	require.Len(t, report.Latency, 5)
	for _, list := range [][]Sample{report.Acks, report.Drains, report.Latency} {
		for _, s := range list {
			require.Positive(t, s.Count, s.Name)
			require.Positive(t, s.PerSecond, s.Name)
		}
	}
	require.Len(t, report.Rows, 13)
	for _, g := range report.Rows {
		require.Positive(t, g.Times, g.Task)
		require.Equal(t, g.Few.Count, g.Many.Count, g.Task)
	}
	require.Zero(t, report.Away.Disordered)
	require.LessOrEqual(t, report.Away.Signals, 400)
	require.Positive(t, report.Binary.Bytes)
	for _, f := range report.Figures {
		if f.Want != "0" {
			require.Positive(t, f.Got, f.What)
		}
	}
	require.Positive(t, report.Machine.Sync)
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), report.Figures[0].What)
}

func TestAnEmptyRunIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), Options{})
	require.ErrorContains(t, err, "must be positive")
	_, err = Run(t.Context(), Options{Seconds: 1, Deliveries: 1, Only: []string{"ack"}})
	require.ErrorContains(t, err, `no part "ack"; the parts are acks, drains`)
}

func TestWhatWasMeasuredIsPrintedWhereARunBreaksOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		// interrupted is what the run says when it is interrupted.
		interrupted string
		says        string
	}{
		"there is no such binary": {[]string{"--only", "acks,binary", "--binary", "/nowhere/signalbox"}, "", "--binary"},
		"it is interrupted":       {[]string{"--only", "acks"}, "round 2 of 3", "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var table bytes.Buffer
			command := Command()
			command.SilenceUsage, command.SilenceErrors = true, true
			command.SetOut(&table)
			command.SetErr(onLine{c.interrupted, interrupt})
			command.SetArgs(append([]string{"--seconds", "0.2", "--deliveries", "20", "--folder", t.TempDir()}, c.args...))
			require.ErrorContains(t, command.ExecuteContext(ctx), c.says)
			require.Contains(t, table.String(), rowAccept)
			require.Contains(t, table.String(), "durable acks against answering and keeping nothing")
			require.NotContains(t, table.String(), " 0 x", "no figure without a measurement")
		})
	}
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

func TestQuantilesOfFewAndMany(t *testing.T) {
	t.Parallel()
	require.Zero(t, quantile(nil, 0.5))
	require.Equal(t, time.Duration(7), quantile([]time.Duration{7}, 0.99))
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i)
	}
	require.Equal(t, time.Duration(50), quantile(hundred, 0.5))
	require.Equal(t, time.Duration(99), quantile(hundred, 0.99))
}

func TestRoundsAreAddedUp(t *testing.T) {
	t.Parallel()
	var s Sample
	s.add(Sample{Connections: 2, Count: 10, took: time.Second, cpu: time.Millisecond, all: []time.Duration{5, 1}})
	s.add(Sample{Connections: 2, Count: 30, took: time.Second, cpu: 3 * time.Millisecond, all: []time.Duration{3}})
	require.Equal(t, 40, s.Count)
	require.InDelta(t, 20, s.PerSecond, 0)
	require.InDelta(t, 100, s.CPU, 0)
	require.Equal(t, []time.Duration{1, 3, 5}, s.all)
}

// post runs a short load against a handler.
func post(t *testing.T, handler echo.HandlerFunc, count int) (Sample, error) {
	t.Helper()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	server, err := servePlain(handler)
	require.NoError(t, err)
	defer func() { require.NoError(t, server.close()) }()
	var numbers atomic.Int64
	return load{address: server.address(), requests: requests(keys, 3, &numbers), count: count}.run(t.Context(), "test")
}

func TestTheLoadCountsEachAnswerOnceAndRepeatsNoEvent(t *testing.T) {
	t.Parallel()
	var posts atomic.Int64
	ids := make(chan string, 100)
	s, err := post(t, func(c echo.Context) error {
		posts.Add(1)
		var event struct {
			ID string `json:"event_id"`
		}
		if err := json.NewDecoder(c.Request().Body).Decode(&event); err != nil {
			return err
		}
		ids <- event.ID
		return c.NoContent(http.StatusNoContent)
	}, 50)
	require.NoError(t, err)
	require.Equal(t, 50, s.Count)
	require.EqualValues(t, 50, posts.Load())
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		require.False(t, seen[id], id)
		seen[id] = true
	}
}

func TestARateOfRefusalsIsNoRate(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusUnauthorized} {
		_, err := post(t, func(c echo.Context) error { return c.NoContent(status) }, 5)
		require.ErrorContains(t, err, "answered")
	}
	_, err := post(t, func(echo.Context) error { return errors.New("broken") }, 5)
	require.ErrorContains(t, err, "answered")
}

func TestWhatIsAcknowledgedAndNotStoredIsFound(t *testing.T) {
	t.Parallel()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	signalbox, err := startSubject(t.TempDir(), "inbox", keys)
	require.NoError(t, err)
	defer func() { require.NoError(t, signalbox.close()) }()
	var numbers atomic.Int64
	s, err := load{address: signalbox.address(), requests: requests(keys, 3, &numbers), count: 20}.run(t.Context(), "test")
	require.NoError(t, err)
	require.NoError(t, signalbox.requireStored(t.Context(), s.Count))
	require.ErrorContains(t, signalbox.requireStored(t.Context(), s.Count+1), "acknowledged 21 events, the inbox has 20")
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
