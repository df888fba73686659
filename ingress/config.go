package ingress

import (
	"cmp"
	"net/netip"
	"time"
)

// Config holds the settings of an ingress. The zero value of a limit means its default.
type Config struct {
	// Agents are the webhook secrets of each Artmail agent: usually one, or two while one replaces the other.
	Agents map[string][]string
	// SharedSecrets open the shared Offload route. Without any, the route is off.
	SharedSecrets []string

	// MaxBody is the largest body that is accepted, in bytes, before and after gzip is inflated: at most LargestMaxBody. Default 1 MiB.
	MaxBody int64
	// MaxInFlight bounds the bytes of verified bodies in memory, over all requests; MaxUnverifiedInFlight bounds those of bodies whose
	// signature is not verified yet. When a bound is reached, the slowest sender gets 503, or the new one if all bodies are read. Both
	// must be at least what LeastInFlight returns. Defaults: 64 MiB or eight times MaxBody, whichever is more; and a quarter of
	// MaxInFlight or what LeastInFlight returns, whichever is more.
	MaxInFlight, MaxUnverifiedInFlight int64

	// Refusals is how many bad tokens and signatures a source (an IPv4 address or an IPv6 /64) may post in a burst before it gets 429
	// instead of 401. RefusalsPerSecond is how fast that allowance comes back. Verified webhooks are never limited. Defaults 100 and 5.
	Refusals          int
	RefusalsPerSecond float64
	// TrustedProxies are the proxies whose X-Forwarded-For is used. Without any, the source is the peer of the connection.
	TrustedProxies []netip.Prefix

	// MaxConnections is how many connections are open at the same time. When the last place is taken, the oldest connection without a
	// verified webhook is closed, or else the one that has been idle for longest. If none is idle, the next one that becomes idle is closed.
	// Default 4096; with 1, each connection is closed after its answer.
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
// beyond SourcePerHour, while fewer than Keep of them are kept. Repetitions of a kept body, such as Artmail's retries, are counted on its row
// beyond these limits: of each of the two kinds, 6 times Keep an hour from one source.
type QuarantineConfig struct {
	// Keep is how many bodies stay: the oldest are removed first, those that look like agent.activated last. Default 500.
	Keep int
	// SourcePerHour is how many bodies of each of the two kinds are kept for an agent from one source in an hour. Default a fifth of Keep, so
	// that one source needs hours to displace the bodies of other sources. Bodies beyond it that look like agent.activated are kept while the
	// agent has fewer than Keep of them. They are removed before those within it, but after all other bodies.
	SourcePerHour int
	// MaxBody is the largest body that is kept, and the cap of a body without a well-formed signature, in bytes. Default 64 KiB: events of
	// Artmail have a few hundred bytes.
	MaxBody int64
	// StopTimeout is how long a stop, after the last answer, waits for queued bodies to be written before it drops them. Default 2 seconds.
	StopTimeout time.Duration
}

// LargestMaxBody bounds MaxBody, because a body is held in memory whole.
const LargestMaxBody = 64 << 20

// LeastInFlight returns the smallest MaxInFlight and MaxUnverifiedInFlight with which a body of maxBody bytes is accepted. A body counts with its
// buffer, which has room for one byte over the cap, and a gzipped one is held together with its inflated form.
func LeastInFlight(maxBody int64) (verified, unverified int64) {
	one := max(maxBody+1, bodyStart)
	return 2 * one, one
}

// withDefaults replaces zero values by the defaults.
func (c Config) withDefaults() Config {
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	_, leastUnverified := LeastInFlight(c.MaxBody)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, max(64<<20, 8*c.MaxBody))
	c.MaxUnverifiedInFlight = cmp.Or(c.MaxUnverifiedInFlight, max(c.MaxInFlight/4, leastUnverified))
	c.Refusals = cmp.Or(c.Refusals, 100)
	c.RefusalsPerSecond = cmp.Or(c.RefusalsPerSecond, 5)
	c.MaxConnections = cmp.Or(c.MaxConnections, 4096)
	c.OffloadBudget = cmp.Or(c.OffloadBudget, 8*time.Second)
	c.ArtmailBudget = cmp.Or(c.ArtmailBudget, 4*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Minute)
	c.StopTimeout = cmp.Or(c.StopTimeout, 10*time.Second)
	c.Quarantine.Keep = cmp.Or(c.Quarantine.Keep, 500)
	c.Quarantine.SourcePerHour = cmp.Or(c.Quarantine.SourcePerHour, max(c.Quarantine.Keep/5, 1))
	c.Quarantine.MaxBody = cmp.Or(c.Quarantine.MaxBody, 64<<10)
	c.Quarantine.StopTimeout = cmp.Or(c.Quarantine.StopTimeout, 2*time.Second)
	return c
}
