package artmailsim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Settings are what a run of the simulator goes by.
type Settings struct {
	Seed      uint64   `json:"seed,string"` // text, because JavaScript can't hold every 64-bit number
	Envelope  Envelope `json:"envelope"`
	TimeScale float64  `json:"timeScale"`
	Agents    []string `json:"agents"`
}

// Settings returns what the run goes by now.
func (s *Simulator) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Settings{Seed: s.Seed(), Envelope: s.envelope, TimeScale: s.timeScale(), Agents: slices.Sorted(maps.Keys(s.agents))}
}

// SetTimeScale multiplies Artmail's durations that begin from now on: pauses between tries, and the window of runs that are opened or touched.
// A wait that has begun and the timeout of an attempt do not change.
func (s *Simulator) SetTimeScale(scale float64) error {
	if !(scale > 0) || math.IsInf(scale, 0) {
		return fmt.Errorf("time scale %v: the time scale must be greater than 0", scale)
	}
	s.scale.Store(math.Float64bits(scale))
	return nil
}

func (s *Simulator) timeScale() float64 { return math.Float64frombits(s.scale.Load()) }

func (s *Simulator) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.timeScale())
}

// Undocumented are points that Artmail's documentation leaves open. The number of retries is documented, the pauses
// between them are not; the slices may have any length.
type Undocumented struct {
	// DirectBackoff are the pauses before the direct retries, before TimeScale. Default: 1, 2 and 4 seconds.
	DirectBackoff []time.Duration
	// QueueIntervals are the pauses before the queue's deliveries, before TimeScale. Default: 12 min, 48 min, 3 h.
	QueueIntervals []time.Duration
	// QueueUnsigned leaves the signature off what the queue delivers.
	QueueUnsigned bool
	// OmitFailurePauseEvent does not announce a pause for webhook_failure to the URL that just failed.
	OmitFailurePauseEvent bool
}
