package temporaldev

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

// addresses are the listening addresses of one server. They must be known before it starts: its services find each other by them, and no service
// can say later which port it got.
type addresses struct {
	frontend, history, matching, worker netip.AddrPort
	ui                                  netip.AddrPort
}

// reserveAddresses checks that the given addresses are free, and picks free ports for the others. The check is needed because the server ends
// the whole process if it can't listen; an error names the flag of signalbox-dev. All ports stay open until all are known, so that no two get the
// same one.
func reserveAddresses(opts Options) (addrs addresses, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	reserve := func(name, addr string) netip.AddrPort {
		if err != nil {
			return netip.AddrPort{}
		}
		if _, port, splitErr := net.SplitHostPort(addr); splitErr == nil && port == "0" {
			if addr, err = setting.FreeAddress(); err != nil {
				return netip.AddrPort{}
			}
		}
		listener, listenErr := setting.Listen(name, addr)
		if listenErr != nil {
			err = listenErr
			return netip.AddrPort{}
		}
		held = append(held, listener)
		got, parseErr := netip.ParseAddrPort(listener.Addr().String())
		if parseErr != nil {
			err = fmt.Errorf("%w: %s: %w", setting.ErrWrong, name, parseErr)
		}
		return netip.AddrPortFrom(got.Addr().Unmap(), got.Port())
	}
	const anyPort = "127.0.0.1:0"
	addrs.frontend = reserve("--temporal", opts.FrontendAddr)
	if opts.UIAddr != "" {
		addrs.ui = reserve("--ui", opts.UIAddr)
	}
	addrs.history = reserve("history service", anyPort)
	addrs.matching = reserve("matching service", anyPort)
	addrs.worker = reserve("worker service", anyPort)
	return addrs, err
}
