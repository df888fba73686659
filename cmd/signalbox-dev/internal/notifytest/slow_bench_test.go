package notifytest_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
)

// BenchmarkASlowReceiver lets notices of many cases wait for a receiver that answers nothing, and then takes each only after a pause. All must
// arrive, each case's in order, and the heap stays flat: after the last quarter it is at most 1.2 times what it was after the first one. Notices for a
// receiver that answers arrive while the others wait. The number of notices is the count of the benchmark:
//
//	go test ./cmd/signalbox-dev/internal/notifytest -run '^$' -bench ASlowReceiver -benchtime 10000x -timeout 60m
func BenchmarkASlowReceiver(b *testing.B) {
	if b.N == 1 {
		return // the benchmark's own trial
	}
	const ofOneCase, handedOffAtOnce, pause = 200, 50, 20 * time.Millisecond
	slow := hooks["slow"]
	back := make(chan struct{})
	slow.mu.Lock()
	slow.hang, slow.pause, slow.took = back, pause, nil
	slow.mu.Unlock()

	var sources []string
	var counts []int64
	began := time.Now()
	var group errgroup.Group
	group.SetLimit(8)
	for left := b.N; left > 0; left -= ofOneCase {
		from, count := fmt.Sprintf("test/slow-%d-%d", b.N, len(sources)), int64(min(left, ofOneCase))
		sources, counts = append(sources, from), append(counts, count)
		group.Go(func() error {
			list := calling(from, count, "slow")
			for len(list) > 0 {
				n := min(len(list), handedOffAtOnce)
				if _, err := activities.HandOff(b.Context(), workflows.HandOff{Source: from, Notices: list[:n]}); err != nil {
					return err
				}
				list = list[n:]
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "handed-off/s")
	waiting := heap()

	good, goodCount := fmt.Sprintf("test/good-%d", b.N), 20
	began = time.Now()
	_, err := activities.HandOff(b.Context(), workflows.HandOff{Source: good, Notices: calling(good, int64(goodCount), "well")})
	require.NoError(b, err)
	require.Eventually(b, func() bool { return len(hooks["well"].seqsOf(good)) == goodCount }, waitTimeout, 5*time.Millisecond,
		"another receiver waits for the slow one")
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-others")
	require.Zero(b, slow.count(), "the slow receiver still answers nothing")

	began = time.Now()
	close(back)
	slow.mu.Lock()
	slow.hang = nil
	slow.mu.Unlock()

	b.ReportMetric(waiting, "MiB-waiting")
	var used [4]float64
	for i := range used {
		require.Eventually(b, func() bool { return slow.count() >= b.N*(i+1)/len(used) }, 50*time.Minute, 100*time.Millisecond)
		used[i] = heap()
		b.ReportMetric(used[i], fmt.Sprintf("MiB-%d/%d", i+1, len(used)))
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "delivered/s")
	for i, from := range sources {
		want := make([]int64, counts[i])
		for n := range want {
			want[n] = int64(n + 1)
		}
		require.Equal(b, want, slow.seqsOf(from), "all, and in order")
	}
	require.LessOrEqual(b, used[3], 1.2*used[0], "the heap grows: %.0f MiB", used)
}

// heap is what is in use, in MiB: of the embedded server, too, whose caches of histories fill up.
func heap() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}
