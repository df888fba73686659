package activationtest_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// away are clients of a Temporal that can't be reached: one that refuses connections, and one that takes them and never answers.
func away(t testing.TB) map[string]client.Client {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	gone, err := setting.FreeAddress()
	require.NoError(t, err)
	clients := map[string]client.Client{}
	for name, address := range map[string]string{"stopped": gone, "silent": silent.Addr().String()} {
		c, err := client.NewLazyClient(client.Options{HostPort: address})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		clients[name] = c
	}
	return clients
}

func numbered(n int) string {
	return fmt.Sprintf(`{"type":"agent.resumed","activationId":"act_%d","timestamp":1774131900000}`, n)
}

func TestEventsAreAcknowledgedAndKeptWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	const agent, events = "away", 50
	for name, temporal := range away(t) {
		t.Run(name, func(t *testing.T) { // not parallel: the clients live only as long as their test
			r := startReceiver(t, receiving{temporal: temporal, agents: agents{agent: {secret}}})
			for n := range events {
				for range 2 {
					require.Equal(t, 204, post(t, r.url(agent), numbered(n), secret))
				}
			}
			deliveries, err := r.list(t.Context(), agent)
			require.NoError(t, err)
			require.Len(t, deliveries, events)
			for _, d := range deliveries {
				require.Equal(t, inbox.StatePending, d.State)
				require.GreaterOrEqual(t, d.Duplicates, 1)
				require.LessOrEqual(t, d.Duplicates, 1+int(busy.Load()))
				require.Zero(t, d.Attempts, "an outage is no fault of the event's")
			}
		})
	}
}

// BenchmarkAck is one sender that waits for each acknowledgement. Artmail waits for 8 s at most.
func BenchmarkAck(b *testing.B) {
	const agent = "acks"
	clients := away(b)
	clients["running"] = shared.temporal
	for _, name := range []string{"running", "stopped", "silent"} {
		b.Run("Temporal "+name, func(b *testing.B) {
			r := startReceiver(b, receiving{temporal: clients[name], agents: agents{agent: {secret}}})
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				require.Equal(b, 204, post(b, r.url(agent), numbered(len(took)), secret))
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
