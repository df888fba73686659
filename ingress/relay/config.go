package relay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Config is what whoever runs the relay chooses. The zero value of a field means its default.
type Config struct {
	// Owner names this relay among all that share the inbox; no default.
	Owner string
	// Agents are the options that an Artmail activation works by, by agent: it is started with them, and told them where it was started
	// with others.
	Agents map[string]workflows.ActivationOptions
	// Concurrency is how many lanes are under way at a time. Default 64.
	Concurrency int
	// MaxInFlight bounds the bodies that are claimed and under way, in bytes. Default 32 MiB; a single delivery may exceed it.
	MaxInFlight int64
	// SignalTimeout bounds one call to Temporal. Default 10 seconds.
	SignalTimeout time.Duration
	// Lease is how long a claimed lane stays this relay's. Default 1 minute; it must be at least four times SignalTimeout, or
	// another relay repeats what is still under way.
	Lease time.Duration
	// UnmatchedGrace is how long after its arrival an event waits for its workflow to exist. Default 15 minutes.
	UnmatchedGrace time.Duration
	// MaxAttempts is how often the server may refuse an event for its own sake before it is dead. Default 20, over about an hour.
	MaxAttempts int
	// PollInterval is how often the inbox is asked for retries that have become due. Default 1 second.
	PollInterval time.Duration
}

// What one signal carries at most. The contract allows 256 KiB, where Temporal begins to warn about a payload.
const (
	maxEventsPerSignal = 100
	maxSignalBytes     = 256<<10 - 2<<10
	// maxPerLane bounds what is claimed, and held in memory, of one lane.
	maxPerLane = maxEventsPerSignal
)

func (c Config) withDefaults() Config {
	orDefault(&c.Concurrency, 64)
	orDefault(&c.MaxInFlight, 32<<20)
	orDefault(&c.SignalTimeout, 10*time.Second)
	orDefault(&c.Lease, time.Minute)
	orDefault(&c.UnmatchedGrace, 15*time.Minute)
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

// ErrConfig says that a Config can't be used; the message names every mistake.
var ErrConfig = errors.New("invalid relay configuration")

// Validate reports all mistakes at once.
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
		{"maxAttempts", int64(c.MaxAttempts)},
		{"pollInterval", int64(c.PollInterval)},
	} {
		if limit.value < 0 {
			wrong = append(wrong, limit.name+": it is negative")
		}
	}
	if c.Lease < 4*c.SignalTimeout {
		wrong = append(wrong, fmt.Sprintf("lease: %s is less than four times signalTimeout (%s)", c.Lease, c.SignalTimeout))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrConfig, strings.Join(wrong, "; "))
	}
	return nil
}
