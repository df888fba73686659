package ingress

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// source identifies a sender: an IPv4 address, or the /64 network of an IPv6 address, since one sender may use all of its network. After too many
// bad tokens or signatures a source gets 429: see refuseUnverified in refuse.go.
type source = netip.Addr

const ipv6Network = 64

// Sources returns a function that returns the sender of a request: an IPv4 address, or the network address of an IPv6 /64. It uses X-Forwarded-For
// only on connections from the proxies. The zero address stands for all unknown senders.
func Sources(proxies []netip.Prefix) func(*http.Request) netip.Addr {
	trusted := func(address netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address) })
	}
	return func(r *http.Request) source {
		sender, _ := parseSender(r.RemoteAddr)
		if !trusted(sender) {
			return sourceAt(sender)
		}
		// Each proxy appends the address that it was reached from, so the last one that is no proxy's is the sender's; what stands before it, the
		// sender wrote. One that can't be read ends the search.
		for _, text := range slices.Backward(strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")) {
			address, err := parseSender(strings.TrimSpace(text))
			if err != nil {
				break
			}
			if sender = address; !trusted(sender) {
				break
			}
		}
		return sourceAt(sender)
	}
}

// parseSender reads an address, also with brackets or with a port: some proxies write the sender's port.
func parseSender(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), err
}

func sourceAt(address netip.Addr) source {
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
