package bench

import (
	"slices"
	"time"
)

// Sample is how one way of doing it fared.
type Sample struct {
	// Name is the row's, Connections how many senders there were.
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	// Count is how many were acknowledged, PerSecond how many in a second.
	Count     int     `json:"count"`
	PerSecond float64 `json:"perSecond"`
	// P50 and P99 are what a sender waited, in milliseconds.
	P50 float64 `json:"p50Milliseconds"`
	P99 float64 `json:"p99Milliseconds"`
	// CPU is the processor time of the whole process for each, in microseconds: server, load generator and all that ran beside.
	CPU float64 `json:"cpuMicroseconds"`

	took time.Duration
	cpu  time.Duration
	all  []time.Duration
}

// add takes in another round of the same.
func (s *Sample) add(round Sample) {
	s.Connections = round.Connections
	s.Count += round.Count
	s.took += round.took
	s.cpu += round.cpu
	s.all = append(s.all, round.all...)
	s.derive()
}

// derive computes what is shown from what was measured.
func (s *Sample) derive() {
	if s.Count == 0 {
		return
	}
	slices.Sort(s.all)
	s.PerSecond = float64(s.Count) / s.took.Seconds()
	s.P50, s.P99 = milliseconds(quantile(s.all, 0.50)), milliseconds(quantile(s.all, 0.99))
	s.CPU = float64(s.cpu.Microseconds()) / float64(s.Count)
}

// quantile expects a sorted list; 0 of an empty one.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(float64(len(sorted))*q), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// now is the clock of the measurements.
func now() time.Time { return time.Now() } //nolint:forbidigo // what is measured here is real time
