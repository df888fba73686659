package bench

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkAcks measures the plain handler, which signals Temporal in the request, and Signalbox's accept path in one run: HTTP over
// loopback on kept connections, the load generator on the same processors. One operation is one acknowledgement; Signalbox's are
// durable. The last metric of the last line is the ratio of the two at 64 connections.
//
//	go test ./cmd/signalbox-dev/internal/bench -run '^$' -bench Acks
func BenchmarkAcks(b *testing.B) {
	s, err := newStage(b.Context(), b.TempDir())
	require.NoError(b, err)
	// The context of the benchmark ends before its cleanups do.
	b.Cleanup(func() { require.NoError(b, s.close()) })
	require.NoError(b, s.startCases(b.Context(), manyConnections))
	var plain Sample
	for _, way := range []struct {
		name        string
		run         func(context.Context, string, load) (Sample, error)
		connections int
	}{
		{"nothing-kept-64", s.ceiling, manyConnections},
		{"plain-16", s.plain, fewConnections},
		{"plain-64", s.plain, manyConnections},
		{"signalbox-64", s.accept, manyConnections},
	} {
		b.Run(way.name, func(b *testing.B) {
			sample, err := way.run(b.Context(), way.name, load{requests: requests(s.keys, way.connections, &s.numbers), count: b.N})
			require.NoError(b, err)
			require.Equal(b, b.N, sample.Count)
			b.ReportMetric(sample.PerSecond, "acks/s")
			b.ReportMetric(sample.P50, "p50-ms")
			b.ReportMetric(sample.P99, "p99-ms")
			b.ReportMetric(sample.CPU, "cpu-µs/op")
			switch way.name {
			case "plain-64":
				plain = sample
			case "signalbox-64":
				b.ReportMetric(ratio(sample.PerSecond, plain.PerSecond), "x-plain")
			}
		})
	}
}

// BenchmarkDrain measures bare signals and the relay on a backlog with one event for each workflow. One operation is one event. Starting
// the workflows takes longer than what is measured, so give it a number:
//
//	go test ./cmd/signalbox-dev/internal/bench -run '^$' -bench Drain -benchtime 1000x
func BenchmarkDrain(b *testing.B) {
	s, err := newStage(b.Context(), b.TempDir())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.close()) })
	var bare Sample
	b.Run("bare", func(b *testing.B) {
		require.NoError(b, s.startCases(b.Context(), b.N))
		b.ResetTimer()
		bare, err = s.bareSignals(b.Context(), b.N)
		require.NoError(b, err)
		reportDrain(b, bare)
	})
	b.Run("relay", func(b *testing.B) {
		require.NoError(b, s.startCases(b.Context(), b.N))
		relayed, err := s.drain(b.Context(), b.N, b.N)
		require.NoError(b, err)
		reportDrain(b, relayed)
		b.ReportMetric(ratio(float64(b.N)/relayed.took.Seconds(), float64(bare.Count)/bare.took.Seconds()), "x-bare")
	})
}

func reportDrain(b *testing.B, s Sample) {
	s.derive()
	b.ReportMetric(s.PerSecond, "events/s")
	b.ReportMetric(s.CPU, "cpu-µs/op")
}
