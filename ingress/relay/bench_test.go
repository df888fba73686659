package relay_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
)

// server is a Temporal whose signals take a fixed time each. It handles any number at once.
type server struct {
	*fakeTemporal
	takes time.Duration
	count atomic.Int64
	all   chan struct{}
	want  int64
}

func (s *server) SignalWorkflow(context.Context, string, string, string, any) error {
	if s.takes > 0 {
		<-time.After(s.takes)
	}
	if s.count.Add(1) == s.want {
		close(s.all)
	}
	return nil
}

// BenchmarkDrain compares a relay that drains a backlog, one event for each case, with the same number of bare signals at the same
// concurrency. 10 ms a signal is much faster than a real server at 64 signals at a time; 0 ms shows the speed of the relay alone.
func BenchmarkDrain(b *testing.B) {
	for _, takes := range []time.Duration{0, 10 * time.Millisecond} {
		b.Run(fmt.Sprintf("signal=%s", takes), func(b *testing.B) {
			f := newFixture(b)
			backlog(b, f)
			s := &server{fakeTemporal: f.temporal, takes: takes, all: make(chan struct{}), want: int64(b.N)}
			r, err := relay.New(relay.Config{Owner: "bench"}, relay.Deps{
				Temporal: s, Inbox: f.watched.Store, Keys: f.keys, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now,
			})
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(context.Background())
			b.ResetTimer()
			var running sync.WaitGroup
			running.Go(func() { r.Run(ctx) })
			<-s.all
			cancel()
			running.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signals/s")
			if takes > 0 {
				b.ReportMetric(float64(bare(b.N, takes))/float64(b.Elapsed()), "of-bare")
			}
		})
	}
}

func backlog(b *testing.B, f *fixture) {
	for n := 0; n < b.N; {
		var batch []inbox.Delivery
		for ; len(batch) < 500 && n < b.N; n++ {
			id := inbox.NewID(f.clock.Now())
			lane := offload.Lane(fmt.Sprintf("order-%08d", n))
			body, err := f.keys.Seal([]byte(completed(fmt.Sprint(n))), hook.BodyContext(offload.Name, lane, id)...)
			require.NoError(b, err)
			batch = append(batch, inbox.Delivery{
				ID: id, Provider: offload.Name, Lane: lane, Kind: workflows.KindCaseCompleted, DedupeKey: fmt.Sprint(n),
				Body: body, ReceivedAt: f.clock.Now(), State: inbox.StatePending,
			})
		}
		_, err := f.store.Append(context.Background(), batch)
		require.NoError(b, err)
	}
}

// bare returns how long the signals take without a relay.
func bare(n int, takes time.Duration) time.Duration {
	s := &server{takes: takes, want: -1}
	var left atomic.Int64
	left.Store(int64(n))
	began := time.Now()
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for left.Add(-1) >= 0 {
				_ = s.SignalWorkflow(context.Background(), "", "", "", nil)
			}
		})
	}
	senders.Wait()
	return time.Since(began)
}
