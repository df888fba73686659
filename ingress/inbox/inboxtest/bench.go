package inboxtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Received is when the first numbered delivery arrived; each next one arrived a millisecond later.
var Received = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// Numbered is like a delivery of Offload: pending, a sealed body of 700 bytes, a lane of its case.
func Numbered(n int64) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Scope: "default", Kind: "case.completed",
		Lane:      fmt.Sprintf("offload-case/order-%08d", n),
		DedupeKey: fmt.Sprintf("evt_4fc5904d-0e44-4ed3-aa57-%012d_case_completed_1774131900000", n),
		Body:      make([]byte, 733), Fingerprint: fmt.Appendf(make([]byte, 0, 37), "%037d", n),
		OccurredAt: Received, ReceivedAt: Received.Add(time.Duration(n) * time.Millisecond),
		State: inbox.StatePending,
	}
}

// Drain claims and settles as a relay does until nothing is due, and returns how many it settled.
func Drain(t testing.TB, s inbox.Store, owner string, now time.Time) (drained int) {
	t.Helper()
	ctx := context.Background()
	for {
		lanes, err := s.Claim(ctx, inbox.ClaimRequest{Owner: owner, Now: now, Lease: time.Minute, MaxLanes: 128, MaxPerLane: 100})
		require.NoError(t, err)
		if len(lanes) == 0 {
			return drained
		}
		var settlements []inbox.Settlement
		for _, lane := range lanes {
			for _, d := range lane.Deliveries {
				settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			}
		}
		drained += len(settlements)
		require.NoError(t, s.Settle(ctx, inbox.SettleRequest{Now: now, Claims: Claims(lanes), Settlements: settlements}))
	}
}

// The inboxes that are compared, by how many deliveries were delivered in them before, and how many events are stored in one operation.
const (
	fewRows, manyRows = 1_000, 1_000_000
	benchEvents       = 2_000
	benchLists        = 20
)

// task is something that must take at most so many times as long in an inbox of many rows as in one of few. before is not measured.
type task struct {
	name   string
	most   float64
	before func(b *testing.B, stores []inbox.Store)
	run    func(b *testing.B, stores []inbox.Store)
}

// Bench measures a store with few delivered rows and with a million, in turns. It fails where the median of the ratios (metric "x") exceeds the
// design's; an operation is one turn of both, and the metrics give each one's median. fill puts rows into a new store, and returns what opens
// that store once more, as another process does.
//
//	go test ./ingress/inbox/... -run '^$' -bench . -benchtime 5x
//
// With -short, many rows are 20,000: filling a million takes minutes.
func Bench(b *testing.B, build func(b *testing.B, fill func(inbox.Store)) (open func() inbox.Store)) {
	many := int64(manyRows)
	if testing.Short() {
		many = 20_000
	}
	open := func(rows int64) []inbox.Store {
		again := build(b, func(s inbox.Store) { fillDelivered(b, s, rows) })
		return []inbox.Store{again(), again()}
	}
	inboxes := [][]inbox.Store{open(fewRows), open(many)}
	var numbers atomic.Int64
	numbers.Store(many)
	for _, t := range tasks(&numbers, many) {
		b.Run(t.name, func(b *testing.B) { compare(b, t, inboxes) })
	}
}

func compare(b *testing.B, t task, inboxes [][]inbox.Store) {
	b.ReportAllocs()
	var waits [2][]time.Duration
	var ratios []float64
	for range b.N {
		for i, stores := range inboxes {
			if t.before != nil {
				t.before(b, stores)
			}
			began := time.Now()
			t.run(b, stores)
			waits[i] = append(waits[i], time.Since(began))
		}
		ratios = append(ratios, float64(waits[1][len(ratios)])/float64(waits[0][len(ratios)]))
	}
	for i, name := range []string{"few-ms", "many-ms"} {
		slices.Sort(waits[i])
		b.ReportMetric(waits[i][b.N/2].Seconds()*1e3, name)
	}
	slices.Sort(ratios)
	x := ratios[b.N/2]
	b.ReportMetric(x, "x")
	if b.N >= 5 && x > t.most {
		b.Errorf("%.2f times as long with many rows: want at most %g", x, t.most)
	}
}

func tasks(numbers *atomic.Int64, rows int64) []task {
	store := func(processes int) func(*testing.B, []inbox.Store) {
		return func(b *testing.B, stores []inbox.Store) { appendEach(b, stores[:processes], numbers) }
	}
	drain := func(b *testing.B, stores []inbox.Store) {
		require.NotZero(b, Drain(b, stores[0], "relay", Received.Add(10_000*time.Hour)))
	}
	all := []task{
		{name: "append by 64 callers", most: 2, run: store(1)},
		{name: "append by 64 callers of two processes", most: 2, run: store(2)},
		{name: "claim and settle", most: 1.5, before: store(1), run: drain},
		{name: "retention with nothing due", most: 1.5, run: func(b *testing.B, stores []inbox.Store) {
			_, err := stores[0].Purge(context.Background(), inbox.PurgeRequest{Now: Received, BodiesBefore: Received, RowsBefore: Received})
			require.NoError(b, err)
		}},
		{name: "the oldest that is pending", most: 1.5, run: func(b *testing.B, stores []inbox.Store) {
			_, _, err := stores[0].OldestPending(context.Background())
			require.NoError(b, err)
		}},
	}
	for name, filter := range map[string]inbox.Filter{
		"the newest":                  {},
		"a state":                     {States: []inbox.State{inbox.StateDelivered}},
		"a state that nothing is in":  {States: []inbox.State{inbox.StateDead}},
		"a provider":                  {Provider: "offload"},
		"an agent that nothing is of": {Scope: "nobody"},
		"a kind":                      {Kind: "case.completed"},
		"a kind that nothing is of":   {Kind: "case.never"},
		"a workflow":                  {Lane: Numbered(500).Lane},
		"since a time":                {Since: Numbered(rows).ReceivedAt.Add(-time.Second / 2)},
		"until a time":                {Until: Received.Add(time.Second / 2)},
	} {
		all = append(all, task{name: "list " + name, most: 1.5, run: func(b *testing.B, stores []inbox.Store) {
			for range benchLists {
				_, err := stores[0].List(context.Background(), filter)
				require.NoError(b, err)
			}
		}})
	}
	slices.SortFunc(all[5:], func(a, b task) int { return cmp.Compare(a.name, b.name) })
	return all
}

// appendEach has 64 callers append one delivery each, again and again, as 64 connections do.
func appendEach(b *testing.B, stores []inbox.Store, numbers *atomic.Int64) {
	var left atomic.Int64
	left.Store(benchEvents)
	var callers sync.WaitGroup
	for c := range 64 {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := stores[c%len(stores)].Append(context.Background(), []inbox.Delivery{Numbered(numbers.Add(1))}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// fillDelivered stores deliveries 1 to count as delivered.
func fillDelivered(b *testing.B, s inbox.Store, count int64) {
	b.Helper()
	for n := int64(1); n <= count; {
		var batch []inbox.Delivery
		for ; len(batch) < benchEvents && n <= count; n++ {
			batch = append(batch, Numbered(n))
		}
		receipts, err := s.Append(context.Background(), batch)
		require.NoError(b, err)
		var settlements []inbox.Settlement
		for _, r := range receipts {
			settlements = append(settlements, inbox.Finish(r.ID, inbox.StateDelivered, ""))
		}
		require.NoError(b, s.Settle(context.Background(), inbox.SettleRequest{Now: Received, Settlements: settlements}))
	}
}
