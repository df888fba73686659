package ingress

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
)

// source identifies a sender: an IPv4 address, or the /64 network of an IPv6 address, since one sender may use all of its network. After too many
// bad tokens or signatures a source gets 429: see refuseUnverified in refuse.go.
type source = netip.Addr

const ipv6Network = 64

// Sources returns a function that returns the sender of a request: an IPv4 address, or the network address of an IPv6 /64. It uses X-Forwarded-For
// only on connections from the proxies. The zero address stands for all unknown senders.
func Sources(proxies []netip.Prefix) func(*http.Request) netip.Addr {
	sender := sourceExtractor(proxies)
	return func(r *http.Request) netip.Addr { return sourceAt(sender(r)) }
}

// sourceOf returns the source of a request. It returns the zero address if the sender's address is unknown; such senders share one
// allowance.
func sourceOf(c echo.Context) source { return sourceAt(c.RealIP()) }

func sourceAt(text string) source {
	address, err := netip.ParseAddr(text)
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

// network returns the part of a source that logs show: the /24 of an IPv4 address, the /48 of an IPv6 one.
func network(s source) string {
	bits := 24
	if s.Is6() {
		bits = 48
	}
	prefix, err := s.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}

// sourceExtractor uses X-Forwarded-For only on connections from the named proxies.
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
