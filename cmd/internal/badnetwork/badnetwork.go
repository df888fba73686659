// Package badnetwork puts a network that can go wrong between a process and a server that it talks to. It is for tests and for the torture of
// signalbox-dev; the production binary has no use for it.
package badnetwork

import (
	"context"
	"errors"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// What can be wrong, each as toxiproxy takes it. Without "stream":"upstream" it is on the way of the answers.
const (
	SlowAnswers   = `{"type":"latency","attributes":{"latency":150,"jitter":100}}`
	SlowQuestions = `{"type":"latency","stream":"upstream","attributes":{"latency":150,"jitter":100}}`
	// LittleBandwidth lets 60 kB a second of questions through.
	LittleBandwidth = `{"type":"bandwidth","stream":"upstream","attributes":{"rate":60}}`
	// NoAnswers and NoQuestions leave connections open and carry nothing.
	NoAnswers   = `{"type":"timeout","attributes":{"timeout":0}}`
	NoQuestions = `{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`
	// Resets ends each connection at once, HalfReset every second one.
	Resets    = `{"type":"reset_peer","attributes":{"timeout":0}}`
	HalfReset = `{"type":"reset_peer","toxicity":0.5,"attributes":{"timeout":0}}`
	// Cuts ends each connection in the middle of some answer.
	Cuts = `{"type":"limit_data","attributes":{"bytes":2000}}`
)

// Network is a bad network to one server. Its methods may be called at the same time.
type Network struct {
	proxy  *toxiproxy.Proxy
	bridge *bridge
}

// New listens on an address, host:port, for those who talk to the server: host:port, or the path of a Unix socket. The network is sound at first.
func New(listen, server string) (*Network, error) {
	// Some of toxiproxy logs by a logger that all of the process shares.
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

// Address is host:port, where the network is entered.
func (n *Network) Address() string { return n.proxy.Listen }

// Harm adds what is wrong with the network.
func (n *Network) Harm(toxics ...string) error {
	for _, toxic := range toxics {
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("harm the network by %s: %w", toxic, err)
		}
	}
	return nil
}

// Freeze makes all connections that there are carry nothing any more, as a firewall does that forgets them. New ones work.
func (n *Network) Freeze() { n.bridge.frozen.Store(n.bridge.accepted.Load()) }

// Heal ends what is wrong.
func (n *Network) Heal(ctx context.Context) { n.proxy.Toxics.ResetToxics(ctx) }

// Close ends the network and its connections.
func (n *Network) Close() error {
	n.Heal(context.Background())
	n.proxy.Stop()
	return n.bridge.close()
}
