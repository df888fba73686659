package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	sdk "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// receiver is Signalbox as it receives: the real ingress with an inbox, and the relay once it is started.
type receiver struct {
	keys      *keyring.Ring
	inbox     inbox.Store
	listener  net.Listener
	registry  *prometheus.Registry
	gcBallast service.GCBallast

	stopServer context.CancelFunc
	served     chan error
	stopRelay  context.CancelFunc
	relayed    sync.WaitGroup
}

type openInbox func(context.Context) (inbox.Store, error)

// newInbox is an empty one in a file of the run.
func (s *stage) newInbox(ctx context.Context) (inbox.Store, error) {
	return sqlite.Open(ctx, filepath.Join(s.folder, fmt.Sprintf("inbox-%d.db", s.numbers.Load())), sqlite.Options{})
}

// startReceiver opens an inbox and serves. Logs go nowhere: at production's level the accept path writes none.
func (s *stage) startReceiver(ctx context.Context, open openInbox) (*receiver, error) {
	store, err := open(ctx)
	if err != nil {
		return nil, err
	}
	on := &receiver{
		inbox: store, keys: s.keys, registry: prometheus.NewRegistry(), gcBallast: service.NewGCBallast(),
		served: make(chan error, 1), stopRelay: func() {},
	}
	server, err := ingress.New(ingress.Config{}, ingress.Deps{Keys: s.keys, Inbox: store, Logger: zap.NewNop(), Metrics: on.registry, Now: now})
	if err == nil {
		on.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	on.stopServer = stop
	go func() { on.served <- server.Serve(serving, on.listener) }()
	return on, nil
}

func (s *receiver) address() string { return s.listener.Addr().String() }

// startRelay begins to drain the inbox into Temporal.
func (s *receiver) startRelay(temporal relay.Temporal) error {
	r, err := relay.New(relay.Config{Owner: inbox.NewID(now())}, relay.Deps{
		Temporal: temporal, Inbox: s.inbox, Keys: s.keys, Logger: zap.NewNop(), Metrics: s.registry, Now: now,
	})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stopRelay = stop
	s.relayed.Go(func() { r.Run(ctx) })
	return nil
}

func (s *receiver) endRelay() {
	s.stopRelay()
	s.relayed.Wait()
}

// requireStored fails where the inbox has not as many events as were acknowledged: then the rate is worth nothing.
func (s *receiver) requireStored(ctx context.Context, acknowledged int64) error {
	stored, err := s.stored(ctx)
	if err == nil && stored != acknowledged {
		err = fmt.Errorf("acknowledged %d events, the inbox has %d", acknowledged, stored)
	}
	return err
}

// stored is how many events the inbox has.
func (s *receiver) stored(ctx context.Context) (sum int64, err error) {
	counts, err := s.inbox.Counts(ctx)
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

func (s *receiver) close() error {
	s.stopServer()
	err := <-s.served
	s.endRelay()
	return errors.Join(err, s.inbox.Close())
}

// plain measures a handler of a few lines, which Signalbox is compared with.
func (s *stage) plain(handler echo.HandlerFunc) acknowledge {
	return func(ctx context.Context, l loadtest.Load) (_ loadtest.Result, err error) {
		e := echo.New()
		e.POST(workflows.OffloadWebhookRoute, handler)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return loadtest.Result{}, fmt.Errorf("listen: %w", err)
		}
		server := http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		defer func() {
			err = errors.Join(err, server.Close())
			if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
				err = errors.Join(err, ended)
			}
		}()
		l.Address = listener.Addr().String()
		return l.Run(ctx)
	}
}

// answerOnly reads the body and answers: what HTTP alone costs here.
func answerOnly(c echo.Context) error {
	if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// signalWithin is the handler that one would write first: parse, signal, answer. It checks no token and seals nothing, so it has less
// work than Signalbox; and if the signal fails, the event is lost.
func signalWithin(temporal sdk.Client) echo.HandlerFunc {
	return func(c echo.Context) error {
		plain, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		parsed, err := offload.Parse(plain, workflows.EventMeta{ReceivedAt: now()})
		if err != nil {
			return echo.NewHTTPError(http.StatusBadRequest)
		}
		id := workflows.OffloadCaseWorkflowID(c.Param("reference"))
		err = temporal.SignalWorkflow(c.Request().Context(), id, "", workflows.SignalOffloadEvents, []workflows.CaseEvent{parsed.Event})
		if err != nil {
			return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
		}
		return c.NoContent(http.StatusNoContent)
	}
}
