package temporaldev

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// addresses are the listening addresses of one server. They must be known before it starts: its services find each other by them, and no service
// can say later which port it got.
type addresses struct {
	frontend, history, matching, worker netip.AddrPort
	ui                                  netip.AddrPort
}

// reserveAddresses checks that the given addresses are free, and picks free ports for the others. The check is needed because the server ends
// the whole process if it can't listen. All ports stay open until all are known, so that no two get the same one.
func reserveAddresses(opts Options) (addrs addresses, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	reserve := func(what, addr string) netip.AddrPort {
		if err != nil {
			return netip.AddrPort{}
		}
		listener, listenErr := net.Listen("tcp", addr)
		if listenErr != nil {
			err = fmt.Errorf("address for Temporal's %s: %w", what, listenErr)
			return netip.AddrPort{}
		}
		held = append(held, listener)
		got, parseErr := netip.ParseAddrPort(listener.Addr().String())
		if parseErr != nil {
			err = fmt.Errorf("address for Temporal's %s: %w", what, parseErr)
		}
		return netip.AddrPortFrom(got.Addr().Unmap(), got.Port())
	}
	const anyPort = "127.0.0.1:0"
	addrs.frontend = reserve("frontend", opts.FrontendAddr)
	if opts.UIAddr != "" {
		addrs.ui = reserve("Web UI", opts.UIAddr)
	}
	addrs.history = reserve("history service", anyPort)
	addrs.matching = reserve("matching service", anyPort)
	addrs.worker = reserve("worker service", anyPort)
	return addrs, err
}
