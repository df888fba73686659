// Package publicnet keeps outgoing connections away from private networks. A URL from another party must not lead to a cloud's metadata
// service, to a database in the same network, or to this machine.
//
// It checks the address that is about to be dialed, after the name was resolved. So a name that resolves to another address the second time
// gains nothing. It can't check connections through a proxy, which resolves names itself.
package publicnet

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrNotPublic says that a connection was refused before a packet was sent.
var ErrNotPublic = errors.New("address is not public")

// Control is a net.Dialer.Control that refuses every address that is not Public. The error contains the address and no host name.
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

// special are unicast blocks that are not part of the public Internet or that contain another address (IANA, "IPv4 Special-Purpose Address
// Registry" and "IPv6 Special-Purpose Address Registry").
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
	"2001::/23",       // protocol assignments, among them Teredo, which contains another address
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, which contains another address
	"3fff::/20",       // documentation
)

var (
	// publicIPv6 is the part of IPv6 that IANA has assigned.
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	// nat64 addresses contain an IPv4 address in their last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Public reports whether ip is a unicast address of the public Internet. Private, link-local, loopback, shared and reserved addresses are not,
// nor are addresses that contain another one, except NAT64, whose IPv4 address is checked.
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
