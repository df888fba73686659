package ingress_test

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// BenchmarkAccept is the accept path as a provider meets it: HTTP over loopback on 64 kept connections, token verified, body of
// 700 bytes sealed and on disk (fsync), then 204. The load generator shares the processors. One operation is one durable
// acknowledgement.
func BenchmarkAccept(b *testing.B) { benchmarkAccept(b, 0, nil) }

// BenchmarkAcceptWithoutMetrics is the same while nothing is counted: metrics may cost 5 % at most. Compare medians of runs that alternate:
//
//	for i in $(seq 11); do go test ./ingress -run '^$' -bench 'Accept(WithoutMetrics)?$' -benchtime 30000x; done
func BenchmarkAcceptWithoutMetrics(b *testing.B) { benchmarkAccept(b, 0, ingress.WithoutMetrics) }

// BenchmarkMetricsOfAWebhook is the part of BenchmarkAccept that counts: it shows the cost where runs differ by more than that.
func BenchmarkMetricsOfAWebhook(b *testing.B) {
	server, err := ingress.New(config(), ingress.Deps{Keys: nil, Inbox: &memory{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
	require.NoError(b, err)
	for b.Loop() {
		ingress.CountAccepted(server)
	}
}

// BenchmarkAcceptBesideStalledSenders is the same while 1,000 connections to an agent that does not exist have announced 1 MiB each, sent
// half of it and then stalled. At least 0.8 times as many acknowledgements are wanted.
func BenchmarkAcceptBesideStalledSenders(b *testing.B) { benchmarkAccept(b, 1000, nil) }

func benchmarkAccept(b *testing.B, stalled int, change func(*ingress.Server)) {
	store, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	keys, err := keyring.Generate()
	require.NoError(b, err)
	server, err := ingress.New(config(), ingress.Deps{Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
	require.NoError(b, err)
	if change != nil {
		change(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	defer func() { require.NoError(b, <-served) }()
	defer cancel()

	end, err := loadtest.Stall(b.Context(), listener.Addr().String(), stalled)
	require.NoError(b, err)
	defer end()
	var numbers atomic.Int64
	load := loadtest.Load{Address: listener.Addr().String(), Requests: loadtest.ForCases(keys, 64, &numbers), Count: b.N}
	b.ResetTimer()
	result, err := load.Run(b.Context())
	b.StopTimer()
	require.NoError(b, err)
	require.Equal(b, b.N, result.Count)
	b.ReportMetric(float64(result.Count)/result.Took.Seconds(), "acks/s")
	b.ReportMetric(loadtest.Quantile(result.Waits, 0.50), "p50-ms")
	b.ReportMetric(loadtest.Quantile(result.Waits, 0.99), "p99-ms")
}
