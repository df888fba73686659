package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

var received = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

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

// numbers tell the deliveries of all benchmarks apart, and from those that were there before.
var numbers atomic.Int64

func init() { numbers.Store(10_000_000) }

// sizes are the numbers of deliveries that were delivered before: what an inbox costs must not depend on them.
var sizes = []int64{1_000, 1_000_000}

func forEachSize(b *testing.B, run func(b *testing.B, address string, prefilled int64)) {
	for _, prefilled := range sizes {
		b.Run(fmt.Sprintf("prefilled=%d", prefilled), func(b *testing.B) {
			if prefilled > 10_000 && testing.Short() {
				b.Skip("filling takes a minute")
			}
			run(b, filled(b, prefilled), prefilled)
		})
	}
}

// BenchmarkAppend has 64 callers append one delivery each, as 64 connections do, in one process and in two that share the database.
// One operation is one durable delivery.
func BenchmarkAppend(b *testing.B) {
	forEachSize(b, func(b *testing.B, address string, prefilled int64) {
		for _, replicas := range []int{1, 2} {
			b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
				stores := make([]*postgres.Store, replicas)
				for i := range stores {
					stores[i] = open(b, address)
				}
				var left atomic.Int64
				left.Store(int64(b.N))
				const callers = 64
				waits := make([][]time.Duration, callers)
				b.ResetTimer()
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							begin := time.Now()
							if _, err := stores[c%replicas].Append(context.Background(), []inbox.Delivery{delivery(numbers.Add(1))}); err != nil {
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
	})
}

// BenchmarkAppendBesideALockedLane has as many callers append to lanes of their own, while others try the one lane that another session has
// locked, or not. One operation is one durable delivery of the former.
func BenchmarkAppendBesideALockedLane(b *testing.B) {
	address := filled(b, sizes[0])
	s := open(b, address)
	_, err := s.Append(context.Background(), []inbox.Delivery{pendingIn(lockedLane, "first")})
	require.NoError(b, err)
	for _, locked := range []bool{false, true} {
		b.Run(fmt.Sprintf("locked=%t", locked), func(b *testing.B) {
			if locked {
				defer lockLanes(b, address)()
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			var callers, stuck sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			for range 4 {
				stuck.Go(func() {
					for ctx.Err() == nil {
						within, cancel := context.WithTimeout(ctx, 2*time.Second)
						_, _ = s.Append(within, []inbox.Delivery{pendingIn(lockedLane, fmt.Sprint(numbers.Add(1)))})
						cancel()
					}
				})
			}
			b.ResetTimer()
			for range 64 {
				callers.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := s.Append(context.Background(), []inbox.Delivery{delivery(numbers.Add(1))}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			callers.Wait()
			b.StopTimer()
			cancel()
			stuck.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkDrain claims and settles as a relay does. One operation is one delivery.
func BenchmarkDrain(b *testing.B) {
	forEachSize(b, func(b *testing.B, address string, prefilled int64) {
		s := open(b, address)
		for left := b.N; left > 0; {
			batch := make([]inbox.Delivery, min(500, left))
			for i := range batch {
				batch[i] = delivery(numbers.Add(1))
			}
			left -= len(batch)
			_, err := s.Append(context.Background(), batch)
			require.NoError(b, err)
		}
		b.ResetTimer()
		require.Equal(b, b.N, drain(b, s, "relay", received.Add(1000*time.Hour)))
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	})
}

// BenchmarkRead lists a page, counts, and asks for the oldest that is pending.
func BenchmarkRead(b *testing.B) {
	forEachSize(b, func(b *testing.B, address string, prefilled int64) {
		s := open(b, address)
		ctx := context.Background()
		newest := received.Add(time.Duration(prefilled) * time.Millisecond)
		for name, f := range map[string]inbox.Filter{
			"all": {}, "state": {States: []inbox.State{inbox.StateDelivered}}, "none": {States: []inbox.State{inbox.StatePending}},
			"since": {Since: newest.Add(-time.Second / 2)}, "lane": {Lane: oneLane},
			"until": {Since: received, Until: received.Add(time.Second / 2)},
		} {
			b.Run("list="+name, func(b *testing.B) {
				for b.Loop() {
					_, err := s.List(ctx, f)
					require.NoError(b, err)
				}
			})
		}
		b.Run("counts", func(b *testing.B) {
			for b.Loop() {
				_, err := s.Counts(ctx)
				require.NoError(b, err)
				_, _, err = s.OldestPending(ctx)
				require.NoError(b, err)
			}
		})
	})
}

// drain claims and settles until nothing is due.
func drain(t testing.TB, s inbox.Store, owner string, now time.Time) int {
	t.Helper()
	ctx, drained := context.Background(), 0
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
		require.NoError(t, s.Settle(ctx, inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(lanes), Settlements: settlements}))
	}
}

// oneLane is one of those that were filled.
const oneLane = "offload-case/order-00000500"

// fill writes deliveries that were delivered long ago, with their bodies, faster than a relay would have got them there. IDs are as
// inbox.NewID makes them of the arrival, lane keys are hashes, and unique keys begin with them.
const fill = `WITH made AS (INSERT INTO inbox_delivery (id, unique_key, lane_key, provider, scope, lane, kind, dedupe_key, fingerprint,
occurred_at, received_at, state, reason, conflict_of, settled_at, trace_parent)
SELECT regexp_replace(lpad(to_hex(($1::bigint + 1000 * n) / 1000), 12, '0'), '(.{8})(.{4})', '\1-\2') || '-7000-8000-' || lpad(to_hex(n), 12, '0'),
substr(sha256(lane::bytea), 1, 24), ('x' || encode(substr(sha256(lane::bytea), 1, 8), 'hex'))::bit(64)::bigint, 'offload', 'default', lane,
'case.completed', 'evt_4fc5904d-0e44-4ed3-aa57-' || lpad(n::text, 12, '0') || '_case_completed_1774131900000',
decode(lpad(n::text, 74, '0'), 'hex'), $1, $1 + 1000 * n, 'delivered', '', '', $1 + 1000 * n, ''
FROM generate_series(1, $2::bigint) AS n, LATERAL (SELECT 'offload-case/order-' || lpad(n::text, 8, '0')) AS l(lane) RETURNING sequence),
kinds AS (INSERT INTO inbox_kind VALUES ('offload', 'default', 'case.completed'))
INSERT INTO inbox_body SELECT sequence, decode(repeat('00', 733), 'hex') FROM made`

// filled is a database with so many delivered deliveries, in the state in which it would be found: vacuumed, and written to disk.
func filled(b *testing.B, count int64) string {
	b.Helper()
	address := pgtest.Shared(b).Database(b)
	open(b, address)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	require.NoError(b, err)
	_, err = conn.Exec(ctx, fill, received.UnixMicro(), count)
	require.NoError(b, err)
	for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		_, err = conn.Exec(ctx, statement)
		require.NoError(b, err)
	}
	require.NoError(b, conn.Close(ctx))
	return address
}
