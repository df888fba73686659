package ingress

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// source identifies a sender: an IPv4 address, or the /64 network of an IPv6 address, since one sender may use all of its network.
type source = netip.Addr

const ipv6Network = 64

// sourceOf returns the zero address if the sender's address is unknown; all such senders share one allowance.
func sourceOf(c echo.Context) source {
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return source{}
	}
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	network, err := address.Prefix(ipv6Network)
	if err != nil {
		return source{}
	}
	return network.Addr()
}

// sourceExtractor believes X-Forwarded-For only from the named proxies.
func sourceExtractor(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, proxy := range proxies {
		proxy = proxy.Masked()
		bits := proxy.Addr().BitLen()
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: proxy.Addr().AsSlice(), Mask: net.CIDRMask(proxy.Bits(), bits)}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// badTokenLimiter limits how many bad tokens a source may post. The body is read before a bad token is refused, which takes up to MaxBody of
// memory; once a source has used up its allowance, only its bodies with a good token are read. Those are never refused: all
// senders behind a proxy that is not in TrustedProxies are one source.
type badTokenLimiter struct {
	now    func() time.Time
	burst  float64
	refill float64 // per second

	mu      sync.Mutex
	sources map[source]allowance
}

// allowance is how many refusals a source has left.
type allowance struct {
	left float64
	at   time.Time
}

// maxSources is how many sources are remembered.
const maxSources = 10_000

func newBadTokenLimiter(now func() time.Time, burst int, perSecond float64) *badTokenLimiter {
	return &badTokenLimiter{now: now, burst: float64(burst), refill: perSecond, sources: map[source]allowance{}}
}

// refused takes one from the source's allowance.
func (f *badTokenLimiter) refused(s source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.current(s)
	a.left = max(a.left-1, 0)
	if _, known := f.sources[s]; !known && len(f.sources) >= maxSources {
		f.forget()
	}
	f.sources[s] = a
}

// over says whether the allowance is used up.
func (f *badTokenLimiter) over(s source) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current(s).left < 1
}

func (f *badTokenLimiter) current(s source) allowance {
	now := f.now()
	a, known := f.sources[s]
	if !known {
		return allowance{left: f.burst, at: now}
	}
	a.left = min(f.burst, a.left+f.refill*now.Sub(a.at).Seconds())
	a.at = now
	return a
}

// forget drops sources with a full allowance. If too few have one, it drops any sources down to nine tenths of maxSources, so that
// not every new source has to search.
func (f *badTokenLimiter) forget() {
	for s := range f.sources {
		if f.current(s).left >= f.burst {
			delete(f.sources, s)
		}
	}
	for s := range f.sources {
		if len(f.sources) < maxSources*9/10 {
			return
		}
		delete(f.sources, s)
	}
}
