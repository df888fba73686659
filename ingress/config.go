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
	// Agents are the webhook secrets of each Artmail agent: usually one, two while one rolls over.
	Agents map[string][]string
	// SharedSecrets open the shared Offload route, which is off without any.
	SharedSecrets []string

	// MaxBody is the largest body that is accepted, in bytes, before and after gzip is inflated. Default 1 MiB.
	MaxBody int64
	// MaxInFlight bounds the bytes of bodies in memory, over all requests. Default 64 MiB; beyond it, 503.
	MaxInFlight int64

	// MaxSourceInFlight bounds the part of MaxInFlight that one source may take: an IPv4 address or an IPv6 /64. Default a quarter.
	MaxSourceInFlight int64
	// Refusals is how many bad tokens a source may post at once, and RefusalsPerSecond how many from then on, before its bodies
	// are read only with a good token (429 otherwise). Defaults 100 and 5.
	Refusals          int
	RefusalsPerSecond float64
	// TrustedProxies are the proxies whose X-Forwarded-For is used. Without any, the source is the peer of the connection.
	TrustedProxies []netip.Prefix

	// MaxConnections is how many connections are served at the same time; others wait, unanswered, until one closes. Default 4096.
	MaxConnections int

	// OffloadBudget and ArtmailBudget are how long a request of each provider may wait for its commit. Offload posts an event once and
	// does not document its timeout: default 8 seconds. Artmail waits 8 seconds, and a 503 before that lets it retry: default 4 seconds.
	OffloadBudget, ArtmailBudget time.Duration
	// ReadTimeout bounds reading one request with its body, after which a slow sender is cut. Default 10 seconds.
	ReadTimeout time.Duration
	// IdleTimeout closes a connection without a request. Default 2 minutes.
	IdleTimeout time.Duration
	// StopTimeout is how long a stop waits for requests under way before they are cut. Default 10 seconds; it must exceed both
	// budgets, so that every body that has been read is stored and answered.
	StopTimeout time.Duration

	// Quarantine bounds what is kept of bodies that an agent's secrets do not verify.
	Quarantine QuarantineConfig
}

// QuarantineConfig bounds the quarantine of each agent in number; in bytes it is Keep times MaxBody at most.
type QuarantineConfig struct {
	// Keep is how many bodies stay: the oldest go first, those that look like agent.activated last. Default 500.
	Keep int
	// MaxBody is the largest body that is kept, in bytes. Default 64 KiB: events of Artmail have a few hundred.
	MaxBody int64
}

const defaultMaxBody = 1 << 20

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	orDefault(&c.MaxBody, defaultMaxBody)
	orDefault(&c.MaxInFlight, 64<<20)
	orDefault(&c.MaxSourceInFlight, max(c.MaxInFlight/4, c.MaxBody+1))
	orDefault(&c.Refusals, 100)
	orDefault(&c.RefusalsPerSecond, 5)
	orDefault(&c.MaxConnections, 4096)
	orDefault(&c.OffloadBudget, 8*time.Second)
	orDefault(&c.ArtmailBudget, 4*time.Second)
	orDefault(&c.ReadTimeout, 10*time.Second)
	orDefault(&c.IdleTimeout, 2*time.Minute)
	orDefault(&c.StopTimeout, 10*time.Second)
	orDefault(&c.Quarantine.Keep, 500)
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
		{"maxSourceInFlight", c.MaxSourceInFlight},
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
	} {
		if limit.value < 0 {
			say("%s: it is negative", limit.name)
		}
	}
	if c.MaxInFlight <= c.MaxBody {
		say("maxInFlight: %d bytes do not hold one body of maxBody (%d)", c.MaxInFlight, c.MaxBody)
	}
	if c.MaxSourceInFlight <= c.MaxBody {
		say("maxSourceInFlight: %d bytes do not hold one body of maxBody (%d)", c.MaxSourceInFlight, c.MaxBody)
	}
	for i, proxy := range c.TrustedProxies {
		if !proxy.IsValid() {
			say("trustedProxies[%d]: it is not an address range", i)
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
