package service

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
)

// receiving is the part that receives: the server, its inbox and the relay.
type receiving struct {
	server   *ingress.Server
	listener net.Listener
	inbox    inbox.Store
	relay    *relay.Relay
	config   config.Config
	log      *zap.Logger
	headroom Headroom
}

func newIngress(ctx context.Context, s Settings, temporal client.Client) (_ *receiving, err error) {
	store, err := storage.Open(ctx, s.Config.Inbox, s.Log.Named("inbox"))
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	in := &receiving{inbox: store, config: s.Config, log: s.Log, headroom: NewHeadroom()}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	// Unique among all that share the inbox, also across restarts.
	owner := inbox.NewID(now())
	registry := newRegistry()
	options := make(map[string]workflows.ActivationOptions, len(s.Config.Agents))
	secrets := make(map[string][]string, len(s.Config.Agents))
	for name, agent := range s.Config.Agents {
		options[name], secrets[name] = agent.Options, agent.Secrets
	}
	in.relay, err = relay.New(relay.Config{
		Owner:          owner,
		Agents:         options,
		UnmatchedGrace: s.Config.UnmatchedGrace,
	}, relay.Deps{
		Keys:     s.Keyring,
		Inbox:    store,
		Temporal: temporal,
		Logger:   s.Log.Named("relay"),
		Metrics:  registry,
		Now:      now,
	})
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	var shared []string
	if s.Config.SharedSecret != "" {
		shared = []string{s.Config.SharedSecret}
	}
	in.server, err = ingress.New(ingress.Config{
		Agents:                secrets,
		SharedSecrets:         shared,
		MaxBody:               s.Config.MaxBody,
		MaxInFlight:           cmp.Or(s.Config.MaxInFlight, max(64<<20, 8*s.Config.MaxBody)),
		MaxUnverifiedInFlight: s.Config.MaxUnverifiedInFlight,
		MaxConnections:        s.Config.MaxConnections,
		IdleTimeout:           s.Config.IdleTimeout,
		TrustedProxies:        s.Config.TrustedProxies,
		StopTimeout:           s.Config.Drain,
	}, ingress.Deps{
		Keys:    s.Keyring,
		Inbox:   store,
		Logger:  s.Log.Named("ingress"),
		Metrics: registry,
		Now:     now,
		Checks:  []ingress.Check{{Name: "temporal", Check: in.relay.Check}},
	})
	if err != nil {
		return nil, err
	}
	in.listener = s.Listener
	if in.listener == nil {
		if in.listener, err = net.Listen("tcp", s.Config.Listen); err != nil {
			return nil, fmt.Errorf("--listen (SIGNALBOX_LISTEN): %w", err)
		}
	}
	return in, nil
}

func (in *receiving) serve(ctx context.Context) error {
	in.log.Info("ingress listens", zap.Stringer("address", in.listener.Addr()))
	return in.server.Serve(ctx, in.listener)
}

func (in *receiving) drain(ctx context.Context) error {
	in.relay.Run(ctx)
	return nil
}

// close comes after all that writes to the inbox has ended.
func (in *receiving) close() {
	if err := in.inbox.Close(); err != nil {
		in.log.Error("close inbox", zap.Error(err))
	}
}
