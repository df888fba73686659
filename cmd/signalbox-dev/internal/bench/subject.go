package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// subject is Signalbox as it receives: the real ingress with an inbox of its own, and the relay where it is told to run.
type subject struct {
	keys     *keyring.Ring
	inbox    inbox.Store
	listener net.Listener
	registry *prometheus.Registry
	headroom service.Headroom

	stopServer context.CancelFunc
	served     chan error
	stopRelay  context.CancelFunc
	relayed    sync.WaitGroup
}

// startSubject makes an inbox of the name in the folder and serves. Logs go nowhere: at production's level the accept path writes none.
func startSubject(folder, name string, keys *keyring.Ring) (*subject, error) {
	store, err := sqlite.Open(context.Background(), filepath.Join(folder, name+".db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return serveSubject(store, keys)
}

// serveSubject serves with an inbox that is the subject's from then on.
func serveSubject(store inbox.Store, keys *keyring.Ring) (*subject, error) {
	s := &subject{inbox: store, keys: keys, registry: prometheus.NewRegistry(), headroom: service.NewHeadroom(), served: make(chan error, 1), stopRelay: func() {}, stopServer: func() {}}
	server, err := ingress.New(ingress.Config{}, ingress.Deps{
		Keys: keys, Inbox: s.inbox, Logger: zap.NewNop(), Metrics: s.registry, Now: now,
	})
	if err == nil {
		s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, errors.Join(err, s.inbox.Close())
	}
	var ctx context.Context
	ctx, s.stopServer = context.WithCancel(context.Background())
	go func() { s.served <- server.Serve(ctx, s.listener) }()
	return s, nil
}

func (s *subject) address() string { return s.listener.Addr().String() }

// startRelay begins to drain the inbox into Temporal.
func (s *subject) startRelay(temporal relay.Temporal) error {
	r, err := relay.New(relay.Config{Owner: inbox.NewID(now())}, relay.Deps{
		Temporal: temporal, Inbox: s.inbox, Keys: s.keys, Logger: zap.NewNop(), Metrics: s.registry, Now: now,
	})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	var ctx context.Context
	ctx, s.stopRelay = context.WithCancel(context.Background())
	s.relayed.Go(func() { r.Run(ctx) })
	return nil
}

// requireStored fails where the inbox does not hold what was acknowledged: then the rate is worth nothing.
func (s *subject) requireStored(ctx context.Context, acknowledged int) error {
	stored, err := s.stored(ctx)
	if err == nil && stored != int64(acknowledged) {
		err = fmt.Errorf("acknowledged %d events, the inbox has %d", acknowledged, stored)
	}
	return err
}

// stored is how many events the inbox has.
func (s *subject) stored(ctx context.Context) (sum int64, err error) {
	counts, err := s.inbox.Counts(ctx)
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

func (s *subject) close() error {
	s.stopServer()
	err := <-s.served
	s.stopRelay()
	s.relayed.Wait()
	return errors.Join(err, s.inbox.Close())
}
