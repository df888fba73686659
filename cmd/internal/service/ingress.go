package service

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// ingressPart is the ingress part of a process: the server, its inbox and the relay.
type ingressPart struct {
	server   *ingress.Server
	listener net.Listener
	inbox    *openingInbox
	// relay is set once the inbox is open.
	relay     atomic.Pointer[relay.Relay]
	temporal  client.Client
	payloads  *payloadcodec.Codec
	keys      *keyring.Ring
	registry  *prometheus.Registry
	tracer    trace.Tracer
	config    config.Config
	log       *zap.Logger
	gcBallast GCBallast
}

// newIngress returns the ingress part. ready decides the answer of the public /readyz.
func newIngress(
	s Settings, temporal client.Client, payloads *payloadcodec.Codec, registry *prometheus.Registry, tracer trace.Tracer, ready func(context.Context) bool,
) (*ingressPart, error) {
	in := &ingressPart{
		inbox:    newOpeningInbox(s.Config.Inbox, s.Log.Named("inbox")),
		temporal: temporal, payloads: payloads, keys: s.Keyring, registry: registry, tracer: tracer, config: s.Config, log: s.Log, gcBallast: NewGCBallast(),
	}
	var err error
	in.server, err = ingress.New(ingress.Config{
		Agents:                s.Config.AgentSecrets(),
		SharedSecrets:         s.Config.SharedSecrets,
		MaxBody:               s.Config.MaxBody,
		MaxInFlight:           s.Config.MaxInFlight,
		MaxUnverifiedInFlight: s.Config.MaxUnverifiedInFlight,
		MaxConnections:        s.Config.MaxConnections,
		IdleTimeout:           s.Config.IdleTimeout,
		TrustedProxies:        s.Config.TrustedProxies,
		StopTimeout:           s.Config.Drain,
	}, ingress.Deps{
		Keys:    s.Keyring,
		Inbox:   in.inbox,
		Logger:  s.Log.Named("ingress"),
		Metrics: registry,
		Tracer:  tracer,
		Now:     now,
		Ready:   ready,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	if in.listener, err = listen(s.Listener, s.Config.Listen, "--listen (SIGNALBOX_LISTEN)"); err != nil {
		return nil, err
	}
	return in, nil
}

// checks returns the checks of receiving and relaying.
func (in *ingressPart) checks() []health.Check {
	return []health.Check{
		{Name: "inbox", Receiving: true, Probe: func(ctx context.Context) error { return in.inbox.check(ctx, in.server) }},
		{Name: "relay", Probe: in.checkRelay},
	}
}

func (in *ingressPart) checkRelay(ctx context.Context) error {
	running := in.relay.Load()
	if running == nil {
		return &health.Problem{Text: "deliveries are not relayed before the inbox is open", Fix: "see the check of the inbox", Follows: true}
	}
	if err := running.Check(ctx); err != nil {
		return &health.Problem{Text: "deliveries are held back", Fix: "see the check of Temporal", Cause: err, Follows: true}
	}
	return nil
}

func (in *ingressPart) serve(ctx context.Context) error {
	in.log.Info("ingress listens", zap.Stringer("address", in.listener.Addr()))
	return in.server.Serve(ctx, in.listener)
}

// work opens the inbox, and then relays and enforces retention until ctx ends.
func (in *ingressPart) work(ctx context.Context) error {
	store, err := in.inbox.run(ctx)
	if err != nil || store == nil {
		return err
	}
	running, err := in.newRelay(store)
	if err != nil {
		return err
	}
	in.relay.Store(running)
	var all sync.WaitGroup
	all.Go(func() { running.Run(ctx) })
	all.Go(func() { in.retain(ctx, store) })
	all.Wait()
	return nil
}

func (in *ingressPart) newRelay(store inbox.Store) (*relay.Relay, error) {
	options := make(map[string]workflows.ActivationOptions, len(in.config.Agents))
	for name, agent := range in.config.Agents {
		options[name] = agent.Options
	}
	running, err := relay.New(relay.Config{
		// Unique among all processes that share the inbox, even after a restart.
		Owner:          inbox.NewID(now()),
		Agents:         options,
		UnmatchedGrace: in.config.UnmatchedGrace,
	}, relay.Deps{
		Keys:     in.keys,
		Inbox:    store,
		Temporal: in.temporal,
		Payloads: in.payloads,
		Logger:   in.log.Named("relay"),
		Metrics:  in.registry,
		Tracer:   in.tracer,
		Now:      now,
	})
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return running, nil
}

// GCBallast is memory that is allocated but never touched, so that the system does not have to provide it. The garbage collector
// runs when the heap has doubled, and counts the ballast as heap. Without it, the heap of an ingress is so small that the collector runs many
// times a second. With it, the benchmark of the accept path acknowledges a seventh more, for at most that much more memory.
type GCBallast []byte

const ballastBytes = 64 << 20

// NewGCBallast returns the ballast. Keep it while an ingress receives.
func NewGCBallast() GCBallast { return make(GCBallast, ballastBytes) }
