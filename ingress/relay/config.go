package relay

import (
	"cmp"
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
	// MaxInFlight bounds the claimed bodies in memory as they are stored, in bytes; while they are sent, they are there in clear as well. Default 32 MiB;
	// a single delivery may exceed it.
	MaxInFlight int64
	// SignalTimeout bounds one signal to Temporal. Default 3 seconds.
	SignalTimeout time.Duration
	// Lease is how long a claim is valid unless it is renewed. The lanes of a killed relay wait that long. Default 15 seconds; it must be at
	// least four times SignalTimeout, so that there is time to renew.
	Lease time.Duration
	// UnmatchedGrace is how long an event waits for its workflow to start, counted from the first signal that found none. Default 15
	// minutes.
	UnmatchedGrace time.Duration
	// ReplayInterval is how often the relay looks for workflows that have started after their events became unmatched. Default 30 seconds.
	ReplayInterval time.Duration
	// MaxAttempts is the number of failed attempts after which an event is dead. Default 20, which takes about an hour.
	MaxAttempts int
	// PollInterval is how often the relay claims while the inbox reports no new delivery. Default 1 second.
	PollInterval time.Duration
}

// Limits of one signal. Temporal warns about payloads from 256 KiB on.
const (
	maxEventsPerSignal = 100
	maxSignalBytes     = 256<<10 - 2<<10
	// maxPerLane bounds the deliveries of one lane in one claim.
	maxPerLane = maxEventsPerSignal
)

func (c Config) withDefaults() Config {
	c.Concurrency = cmp.Or(c.Concurrency, 64)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 32<<20)
	c.SignalTimeout = cmp.Or(c.SignalTimeout, 3*time.Second)
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.UnmatchedGrace = cmp.Or(c.UnmatchedGrace, 15*time.Minute)
	c.ReplayInterval = cmp.Or(c.ReplayInterval, 30*time.Second)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, 20)
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	return c
}
