package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestSendersThatFailTogetherShareOneProbe(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"healthy": nil, "away": errors.New("away")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var probes, held atomic.Int64
			now := time.Now()
			g := newGate(func(context.Context) error {
				probes.Add(1)
				return answer
			}, func() time.Time { return now }, zap.NewNop(), func(bool) {})
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // so that nothing probes again to reopen the gate
			var senders sync.WaitGroup
			for range 20 {
				senders.Go(func() {
					if g.suspect(ctx, errors.New("unavailable")) {
						held.Add(1)
					}
				})
			}
			senders.Wait()
			require.EqualValues(t, 1, probes.Load())
			want := int64(0)
			if answer != nil {
				want = 20
			}
			require.Equal(t, want, held.Load())
			g.reopening.Wait()
		})
	}
}

// Otherwise the end of one outage could hide the next one in the metric.
func TestTheMetricOfTheGateChangesTogetherWithTheGate(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	var g *gate
	var held []bool
	g = newGate(func(context.Context) error {
		if away.Load() {
			return errors.New("away")
		}
		return nil
	}, time.Now, zap.NewNop(), func(now bool) {
		held = append(held, now)
		if g.mu.TryLock() {
			g.mu.Unlock()
			t.Errorf("held %v is said while the gate may change again", now)
		}
	})
	require.True(t, g.suspect(t.Context(), errors.New("unavailable")))
	away.Store(false)
	g.reopening.Wait()
	require.Equal(t, []bool{true, false}, held)
}
