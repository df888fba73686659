package ingress

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Config holds the settings of an ingress. The zero value of a limit means its default.
type Config struct {
	// Agents are the webhook secrets of each Artmail agent: usually one, or two while one replaces the other.
	Agents map[string][]string
	// SharedSecrets open the shared Offload route. Without any, the route is off.
	SharedSecrets []string

	// MaxBody is the largest body that is accepted, in bytes, before and after gzip is inflated. Default 1 MiB.
	MaxBody int64
	// MaxInFlight bounds the bytes of verified bodies in memory, over all requests; MaxUnverifiedInFlight bounds those of bodies whose
	// signature is not verified yet. When a bound is reached, the slowest sender gets 503, or the new one if all bodies are read. Defaults:
	// 64 MiB and a quarter of MaxInFlight.
	MaxInFlight, MaxUnverifiedInFlight int64

	// Refusals is how many bad tokens and signatures a source (an IPv4 address or an IPv6 /64) may post in a burst before it gets 429
	// instead of 401. RefusalsPerSecond is how fast that allowance comes back. Verified webhooks are never limited. Defaults 100 and 5.
	Refusals          int
	RefusalsPerSecond float64
	// TrustedProxies are the proxies whose X-Forwarded-For is used. Without any, the source is the peer of the connection.
	TrustedProxies []netip.Prefix

	// MaxConnections is how many connections are open at the same time. When the last place is taken, the oldest connection without a
	// verified webhook is closed, or else the one that has been idle for longest. Default 4096; with 1, a new connection waits.
	MaxConnections int

	// OffloadBudget and ArtmailBudget are how long a request of each provider may wait for its commit. Offload posts an event once and
	// does not document its timeout: default 8 seconds. Artmail waits 8 seconds and retries after an earlier 503: default 4 seconds.
	OffloadBudget, ArtmailBudget time.Duration
	// ReadTimeout bounds reading one request with its body. A slower sender gets 408. Default 10 seconds. An unverified body must also
	// arrive within 2 seconds, or at 64 KiB a second where that takes longer.
	ReadTimeout time.Duration
	// IdleTimeout closes a connection without a request. Default 2 minutes.
	IdleTimeout time.Duration
	// StopTimeout is how long a stop waits for requests under way before it cuts them. Default 10 seconds; it must exceed both budgets, so
	// that every body that has been read is stored and answered.
	StopTimeout time.Duration

	// Quarantine bounds the bodies that are kept although no secret of their agent verifies them.
	Quarantine QuarantineConfig
}

// QuarantineConfig bounds the quarantine of each agent. It holds at most Keep times MaxBody bytes. At most 2 times Keep bodies an hour are
// written: Keep bodies that look like agent.activated, and Keep others. Bodies that look like agent.activated are written beyond that, and
// beyond SourcePerHour, while fewer than Keep of them are kept.
type QuarantineConfig struct {
	// Keep is how many bodies stay: the oldest are removed first, those that look like agent.activated last. Default 500.
	Keep int
	// SourcePerHour is how many bodies of each of the two kinds are kept for an agent from one source in an hour. Default a fifth of Keep,
	// so that one source can't displace bodies of other sources. Bodies beyond it that look like agent.activated only fill free room, and
	// are removed before those within it.
	SourcePerHour int
	// MaxBody is the largest body that is kept, and the cap of a body without a well-formed signature, in bytes. Default 64 KiB: events of
	// Artmail have a few hundred bytes.
	MaxBody int64
}

const defaultMaxBody = 1 << 20

// withDefaults replaces zero values by the defaults.
func (c Config) withDefaults() Config {
	orDefault(&c.MaxBody, defaultMaxBody)
	orDefault(&c.MaxInFlight, 64<<20)
	orDefault(&c.MaxUnverifiedInFlight, max(c.MaxInFlight/4, c.MaxBody+1))
	orDefault(&c.Refusals, 100)
	orDefault(&c.RefusalsPerSecond, 5)
	orDefault(&c.MaxConnections, 4096)
	orDefault(&c.OffloadBudget, 8*time.Second)
	orDefault(&c.ArtmailBudget, 4*time.Second)
	orDefault(&c.ReadTimeout, 10*time.Second)
	orDefault(&c.IdleTimeout, 2*time.Minute)
	orDefault(&c.StopTimeout, 10*time.Second)
	orDefault(&c.Quarantine.Keep, 500)
	orDefault(&c.Quarantine.SourcePerHour, max(c.Quarantine.Keep/5, 1))
	orDefault(&c.Quarantine.MaxBody, 64<<10)
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ErrConfig says that a Config can't be used; the message names every mistake.
var ErrConfig = errors.New("invalid ingress configuration")

// Validate reports all mistakes at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	for _, agent := range slices.Sorted(maps.Keys(c.Agents)) {
		if err := workflows.ValidateAgent(agent); err != nil {
			say("agents: %v", err)
		}
		if _, err := hook.NewSecrets(c.Agents[agent]...); err != nil {
			say("agents.%s: %v", agent, err)
		}
	}
	for i, secret := range c.SharedSecrets {
		if strings.TrimSpace(secret) == "" {
			say("sharedSecrets[%d]: empty secret", i)
		}
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"maxBody", c.MaxBody},
		{"maxInFlight", c.MaxInFlight},
		{"maxUnverifiedInFlight", c.MaxUnverifiedInFlight},
		{"refusals", int64(c.Refusals)},
		{"refusalsPerSecond", int64(c.RefusalsPerSecond)},
		{"maxConnections", int64(c.MaxConnections)},
		{"offloadBudget", int64(c.OffloadBudget)},
		{"artmailBudget", int64(c.ArtmailBudget)},
		{"readTimeout", int64(c.ReadTimeout)},
		{"idleTimeout", int64(c.IdleTimeout)},
		{"stopTimeout", int64(c.StopTimeout)},
		{"quarantine.keep", int64(c.Quarantine.Keep)},
		{"quarantine.maxBody", c.Quarantine.MaxBody},
		{"quarantine.sourcePerHour", int64(c.Quarantine.SourcePerHour)},
	} {
		if limit.value < 0 {
			say("%s: must not be negative", limit.name)
		}
	}
	if c.MaxInFlight <= c.MaxBody {
		say("maxInFlight: %d bytes must be more than maxBody (%d), or no body fits", c.MaxInFlight, c.MaxBody)
	}
	if c.MaxUnverifiedInFlight <= c.MaxBody {
		say("maxUnverifiedInFlight: %d bytes must be more than maxBody (%d), or no body fits", c.MaxUnverifiedInFlight, c.MaxBody)
	}
	for i, proxy := range c.TrustedProxies {
		if !proxy.IsValid() {
			say("trustedProxies[%d]: must be an address range, such as 10.0.0.0/8", i)
		}
	}
	if longest := max(c.OffloadBudget, c.ArtmailBudget); c.StopTimeout <= longest {
		say("stopTimeout: %s must exceed offloadBudget and artmailBudget (%s)", c.StopTimeout, longest)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrConfig, strings.Join(wrong, "; "))
	}
	return nil
}
