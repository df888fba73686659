// Package badnetwork puts a network with faults between a process and a server. Tests and the torture of signalbox-dev use it; the production
// binary does not.
package badnetwork

import (
	"context"
	"errors"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// The faults, in the form of toxiproxy. Without "stream":"upstream", a fault affects the responses.
const (
	SlowResponses = `{"type":"latency","attributes":{"latency":150,"jitter":100}}`
	SlowRequests  = `{"type":"latency","stream":"upstream","attributes":{"latency":150,"jitter":100}}`
	// LowBandwidth passes 60 kB of requests a second.
	LowBandwidth = `{"type":"bandwidth","stream":"upstream","attributes":{"rate":60}}`
	// NoResponses and NoRequests keep connections open but pass no responses or no requests.
	NoResponses = `{"type":"timeout","attributes":{"timeout":0}}`
	NoRequests  = `{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`
	// Resets resets each connection at once, HalfReset every second one.
	Resets    = `{"type":"reset_peer","attributes":{"timeout":0}}`
	HalfReset = `{"type":"reset_peer","toxicity":0.5,"attributes":{"timeout":0}}`
	// Cuts ends each connection after 2,000 bytes of responses.
	Cuts = `{"type":"limit_data","attributes":{"bytes":2000}}`
)

// Network is a network with faults to one server. It is safe for concurrent use.
type Network struct {
	proxy  *toxiproxy.Proxy
	bridge *bridge
}

// New listens on an address, host:port, and passes connections to the server: host:port, or the path of a Unix socket. At first the network has
// no faults.
func New(listen, server string) (*Network, error) {
	// A part of toxiproxy uses the global logger of the process.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	b, err := newBridge(server)
	if err != nil {
		return nil, fmt.Errorf("bad network to %s: %w", server, err)
	}
	n := &Network{bridge: b}
	n.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "network", listen, b.address())
	if err := n.proxy.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("bad network to %s: %w", server, err), b.close())
	}
	return n, nil
}

// Address returns the host:port for clients.
func (n *Network) Address() string { return n.proxy.Listen }

// Harm adds faults to the network.
func (n *Network) Harm(toxics ...string) error {
	for _, toxic := range toxics {
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("harm the network by %s: %w", toxic, err)
		}
	}
	return nil
}

// Freeze stops all open connections from passing data, like a firewall that has forgotten them. New connections work.
func (n *Network) Freeze() { n.bridge.frozen.Store(n.bridge.accepted.Load()) }

// Heal removes the faults that Harm added. Connections that Freeze has frozen stay frozen.
func (n *Network) Heal(ctx context.Context) { n.proxy.Toxics.ResetToxics(ctx) }

// Close closes the network and its connections.
func (n *Network) Close() error {
	n.Heal(context.Background())
	n.proxy.Stop()
	return n.bridge.close()
}
