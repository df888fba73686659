package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

var received = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// delivery is like one of Offload: a sealed body of 700 bytes, a case of its own.
func delivery(n int64) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Scope: "default", Kind: "case.completed",
		Lane:      fmt.Sprintf("offload-case/order-%08d", n),
		DedupeKey: fmt.Sprintf("evt_4fc5904d-0e44-4ed3-aa57-%012d_case_completed_1774131900000", n),
		Body:      make([]byte, 733), Fingerprint: fmt.Appendf(make([]byte, 0, 37), "%037d", n),
		OccurredAt: received, ReceivedAt: received.Add(time.Duration(n) * time.Millisecond),
		State: inbox.StatePending,
	}
}

// BenchmarkAppend has 64 callers append one delivery each, as 64 connections do. One operation
// is one durable delivery.
func BenchmarkAppend(b *testing.B) {
	for _, prefilled := range []int64{0, 1_000_000} {
		b.Run(fmt.Sprintf("prefilled=%d", prefilled), func(b *testing.B) {
			if prefilled > 0 && testing.Short() {
				b.Skip("filling takes half a minute")
			}
			s := open(b, filepath.Join(b.TempDir(), "inbox.db"))
			var n atomic.Int64
			n.Store(prefill(b, s, prefilled))
			const callers = 64
			waits := make([][]time.Duration, callers)
			b.ResetTimer()
			var wg sync.WaitGroup
			var left atomic.Int64
			left.Store(int64(b.N))
			for c := range callers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						begin := time.Now()
						if _, err := s.Append(context.Background(), []inbox.Delivery{delivery(n.Add(1))}); err != nil {
							b.Error(err)
							return
						}
						waits[c] = append(waits[c], time.Since(begin))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(waits...)
			slices.Sort(all)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1e3, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1e3, "p99-ms")
		})
	}
}

// BenchmarkDrain claims and settles as a relay does. One operation is one delivery.
func BenchmarkDrain(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "inbox.db"))
	ctx := context.Background()
	for n := int64(0); n < int64(b.N); {
		batch := make([]inbox.Delivery, 0, 500)
		for len(batch) < cap(batch) && n < int64(b.N) {
			batch, n = append(batch, delivery(n)), n+1
		}
		_, err := s.Append(ctx, batch)
		require.NoError(b, err)
	}
	b.ResetTimer()
	require.Equal(b, b.N, drain(b, s))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func drain(t testing.TB, s *sqlite.Store) int {
	t.Helper()
	return drainAt(t, s, received.Add(24*time.Hour))
}

func drainAt(t testing.TB, s *sqlite.Store, now time.Time) int {
	t.Helper()
	ctx, drained := context.Background(), 0
	for {
		lanes, err := s.Claim(ctx, inbox.ClaimRequest{Owner: "relay", Now: now, Lease: time.Minute, MaxLanes: 200, MaxPerLane: 50})
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
		require.NoError(t, s.Settle(ctx, inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(lanes), Settlements: settlements}))
	}
}

// prefill appends settled deliveries and returns how many there are.
func prefill(t testing.TB, s *sqlite.Store, count int64) int64 {
	t.Helper()
	for n := int64(0); n < count; {
		batch := make([]inbox.Delivery, 0, 500)
		for len(batch) < cap(batch) && n < count {
			d := delivery(n)
			d.State = inbox.StateIgnored
			batch, n = append(batch, d), n+1
		}
		_, err := s.Append(context.Background(), batch)
		require.NoError(t, err)
	}
	return count
}
