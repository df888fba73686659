package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Inbox is what the ingress needs of an inbox.Store.
type Inbox interface {
	Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error)
	Trim(ctx context.Context, request inbox.TrimRequest) (int, error)
	Check(ctx context.Context) error
}

// Deps are what the ingress is built of; none may be missing but Tracer and Ready.
type Deps struct {
	Keys    *keyring.Ring
	Inbox   Inbox
	Logger  *zap.Logger
	Metrics prometheus.Registerer
	// Tracer makes a span of each verified webhook. Nil: none is made.
	Tracer trace.Tracer
	Now    func() time.Time
	// Ready is what /readyz asks. Nil: it asks CheckInbox alone.
	Ready func(context.Context) bool
}

// Server answers providers. Make one with New, run it with Serve.
type Server struct {
	config Config
	keys   *keyring.Ring
	inbox  Inbox
	logger *zap.Logger
	now    func() time.Time
	echo   *echo.Echo
	bodies *bodies
	// badTokenLimiter limits the 401s of a source, for bad tokens and signatures. Beyond it, 429.
	badTokenLimiter *limiter[source]
	connections     *connections
	refusals        *sampledLog
	metrics         *metrics
	tracer          trace.Tracer
	requestIDs      *requestIDs
	artmail         *artmailSecrets
	shared          hook.Secrets
	quarantine      *quarantine
	health          health

	// underWay is held for reading by each request that has begun; the inbox must outlive them. stopped is written under it.
	underWay sync.RWMutex
	stopped  bool
}

// New returns ErrConfig for a Config that does not validate.
func New(config Config, deps Deps) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	bodies := newBodies(config, deps.Now)
	metrics, err := newMetrics(deps.Metrics, bodies, config)
	if err != nil {
		return nil, err
	}
	artmail, err := newArtmailSecrets(config.Agents)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, keys: deps.Keys, inbox: deps.Inbox, logger: deps.Logger, now: deps.Now,
		echo:            echo.New(),
		bodies:          bodies,
		badTokenLimiter: newLimiter[source](deps.Now, config.Refusals, config.RefusalsPerSecond),
		connections:     newConnections(config.MaxConnections),
		refusals:        newSampledLog(deps.Logger, deps.Now),
		metrics:         metrics,
		tracer:          deps.Tracer,
		requestIDs:      newRequestIDs(),
		artmail:         artmail,
		health:          health{inbox: deps.Inbox, now: deps.Now, ready: deps.Ready},
	}
	if s.health.ready == nil {
		s.health.ready = func(ctx context.Context) bool { return s.CheckInbox(ctx) == nil }
	}
	// Without secrets the shared route is off.
	if len(config.SharedSecrets) > 0 {
		if s.shared, err = hook.NewSecrets(config.SharedSecrets...); err != nil {
			return nil, fmt.Errorf("shared secrets: %w", err)
		}
	}
	s.quarantine = newQuarantine(s)
	s.routes()
	return s, nil
}

// routes are all that the public listener has. What is for operators is on the internal one.
func (s *Server) routes() {
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = answerError
	e.IPExtractor = sourceExtractor(s.config.TrustedProxies)
	e.Use(s.observe)
	e.POST(workflows.OffloadWebhookRoute, s.postOffload, exactPath)
	e.POST(workflows.ArtmailWebhookRoute, s.postArtmail, exactPath)
	if len(s.config.SharedSecrets) > 0 {
		e.POST(workflows.OffloadSharedWebhookRoute, s.postOffloadShared, exactPath)
	}
	e.GET("/healthz", s.health.alive)
	e.GET(routeReady, s.health.answerReady)
}

// exactPath answers 404 to what echo's last parameter swallows: everything to the end of the path, slashes included. One slash at the
// end is accepted.
func exactPath(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.EscapedPath()
		slashes := strings.Count(c.Path(), "/")
		if strings.Count(path, "/") != slashes && strings.Count(strings.TrimSuffix(path, "/"), "/") != slashes {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

// Handler answers as Serve does, without a listener.
func (s *Server) Handler() http.Handler { return s.echo }

// Drain begins a stop: /readyz answers 503, and each answer closes its connection, so that load balancers and senders go elsewhere.
// Webhooks are accepted as before, until the context of Serve ends.
func (s *Server) Drain() { s.health.draining.Store(true) }

// Serve answers on the listener until ctx ends, then stops: no new connection is taken, and what has been read is stored and
// answered. It returns when it does not use the inbox any more: nil after a stop, even if connections had to be cut.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: min(s.config.ReadTimeout, 5*time.Second),
		ReadTimeout:       s.config.ReadTimeout,
		// It runs from the end of the headers, so it covers the body, the commit and the answer.
		WriteTimeout:   s.config.ReadTimeout + max(s.config.OffloadBudget, s.config.ArtmailBudget) + 5*time.Second,
		IdleTimeout:    s.config.IdleTimeout,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       zap.NewStdLog(s.logger.Named("http")),
		// Handlers that wait for something other than the inbox, such as a long poll, end when the stop begins.
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: s.connections.accept,
		ConnState:   s.connections.changed,
	}
	s.quarantine.start()
	defer s.refusals.stop()
	defer s.quarantine.stop()
	defer s.stop()

	listener = netutil.LimitListener(listener, s.config.MaxConnections)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve webhooks: %w", errors.Join(err, server.Close()))
	case <-ctx.Done():
	}
	s.Drain()
	s.logger.Info("ingress stops", zap.Duration("at_most", s.config.StopTimeout))
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.StopTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		// Only senders that have not sent their whole request are left: both budgets are shorter than StopTimeout.
		s.logger.Warn("ingress cut requests that did not end", zap.Error(err))
		if err := server.Close(); err != nil {
			s.logger.Warn("close connections", zap.Error(err))
		}
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhooks: %w", err)
	}
	return nil
}

// stop waits for the requests that have begun, and turns away what a cut connection may still bring.
func (s *Server) stop() {
	s.underWay.Lock()
	defer s.underWay.Unlock()
	s.stopped = true
}
