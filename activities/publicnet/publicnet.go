// Package publicnet keeps outgoing connections off private networks. A URL that somebody else chose must not lead to a cloud's metadata
// service, to a database next door, or to this machine.
//
// It knows addresses only: not who connects, nor why. The check is made on the address that is about to be dialed, after the name was
// resolved, so that a name which resolves differently the second time gains nothing. It can see nothing behind a proxy, which resolves names
// itself.
package publicnet

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrNotPublic says that a connection was refused before a packet was sent.
var ErrNotPublic = errors.New("address is not public")

// Control is for net.Dialer.Control: it refuses every address that is not Public. The error names no host.
func Control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: not an IP address and port", ErrNotPublic)
	}
	if !Public(target.Addr()) {
		return fmt.Errorf("%w: %s", ErrNotPublic, target.Addr())
	}
	return nil
}

// special are the blocks inside the unicast space that are not for the public Internet, or lead to another address (IANA, "IPv4 Special-Purpose
// Address Registry" and "IPv6 Special-Purpose Address Registry").
var special = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // carrier-grade NAT; clouds keep services there
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"2001::/23",       // protocol assignments, among them Teredo, which holds another address
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, which holds another address
	"3fff::/20",       // documentation
)

var (
	// publicIPv6 is all that has been given out of IPv6.
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	// nat64 holds an IPv4 address in its last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Public says whether ip is a unicast address of the public Internet: not private, link-local, loopback, shared, reserved, or a way around
// that.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !publicIPv6.Contains(ip) {
		return false
	}
	for _, block := range special {
		if block.Contains(ip) {
			return false
		}
	}
	return true
}

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}
