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
			cancel()
			g.reopening.Wait()
		})
	}
}
