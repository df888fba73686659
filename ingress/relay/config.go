package relay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Config holds the settings of a relay. The zero value of a field means its default.
type Config struct {
	// Owner is the name of this relay, unique among the relays that share the inbox; required.
	Owner string
	// Agents are the options of Artmail activations, by agent. The relay starts an activation with them, and sends them to one that was
	// started with other options.
	Agents map[string]workflows.ActivationOptions
	// Concurrency is how many lanes are sent at a time. Default 64.
	Concurrency int
	// MaxInFlight bounds the bodies in memory, in bytes. Default 32 MiB; a single delivery may exceed it.
	MaxInFlight int64
	// SignalTimeout bounds one signal to Temporal. Default 3 seconds.
	SignalTimeout time.Duration
	// Lease is how long a claim is valid unless it is renewed. The lanes of a killed relay wait that long. Default and maximum 15 seconds;
	// minimum four times SignalTimeout, so that there is time to renew.
	Lease time.Duration
	// UnmatchedGrace is how long an event waits for its workflow to start, counted from the first signal that found none. Default 15
	// minutes.
	UnmatchedGrace time.Duration
	// ReplayInterval is how often the relay looks for workflows that have started after their events became unmatched. Default 30 seconds.
	ReplayInterval time.Duration
	// MaxAttempts is how often Temporal may refuse an event before it is dead. Default 20, which takes about an hour.
	MaxAttempts int
	// PollInterval is how often the relay claims while the inbox reports no new delivery. Default 1 second.
	PollInterval time.Duration
}

// maxLease bounds how long the lanes of a killed relay wait.
const maxLease = 15 * time.Second

// Limits of one signal. Temporal warns about payloads from 256 KiB on.
const (
	maxEventsPerSignal = 100
	maxSignalBytes     = 256<<10 - 2<<10
	// maxPerLane bounds the deliveries of one lane in one claim.
	maxPerLane = maxEventsPerSignal
)

func (c Config) withDefaults() Config {
	orDefault(&c.Concurrency, 64)
	orDefault(&c.MaxInFlight, 32<<20)
	orDefault(&c.SignalTimeout, 3*time.Second)
	orDefault(&c.Lease, maxLease)
	orDefault(&c.UnmatchedGrace, 15*time.Minute)
	orDefault(&c.ReplayInterval, 30*time.Second)
	orDefault(&c.MaxAttempts, 20)
	orDefault(&c.PollInterval, time.Second)
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ErrConfig says that a Config is wrong; its message names every mistake.
var ErrConfig = errors.New("invalid relay configuration")

// Validate returns ErrConfig with all mistakes.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong []string
	if strings.TrimSpace(c.Owner) == "" {
		wrong = append(wrong, "owner: it is required")
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"concurrency", int64(c.Concurrency)},
		{"maxInFlight", c.MaxInFlight},
		{"signalTimeout", int64(c.SignalTimeout)},
		{"unmatchedGrace", int64(c.UnmatchedGrace)},
		{"replayInterval", int64(c.ReplayInterval)},
		{"maxAttempts", int64(c.MaxAttempts)},
		{"pollInterval", int64(c.PollInterval)},
	} {
		if limit.value < 0 {
			wrong = append(wrong, limit.name+": must not be negative")
		}
	}
	if c.Lease > maxLease {
		wrong = append(wrong, fmt.Sprintf("lease: %s is more than %s", c.Lease, maxLease))
	}
	if c.Lease < 4*c.SignalTimeout {
		wrong = append(wrong, fmt.Sprintf("lease: %s is less than four times signalTimeout (%s)", c.Lease, c.SignalTimeout))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrConfig, strings.Join(wrong, "; "))
	}
	return nil
}
