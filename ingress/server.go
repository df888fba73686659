package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
	"github.com/signalbox-dev/signalbox/ingress/ratelimit"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Inbox is what the ingress needs of an inbox.Store.
type Inbox interface {
	Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error)
	Trim(ctx context.Context, request inbox.TrimRequest) (int, error)
	List(ctx context.Context, filter inbox.Filter) (inbox.Page, error)
	Check(ctx context.Context) error
}

// Deps are the dependencies of a Server. All but Tracer and Ready are required.
type Deps struct {
	Keys    *keyring.Ring
	Inbox   Inbox
	Logger  *zap.Logger
	Metrics prometheus.Registerer
	// Tracer makes a span for each verified webhook. Nil means no spans.
	Tracer trace.Tracer
	Now    func() time.Time
	// Ready decides the answer of /readyz. Nil means that CheckInbox decides alone.
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
	// sourceOf returns the sender of a request.
	sourceOf func(*http.Request) source
	// badTokenLimiter limits how many 401s a source gets for bad tokens and signatures; beyond that it gets 429.
	badTokenLimiter *ratelimit.Limiter[source]
	connections     *connections
	refusals        *sampledLog
	metrics         *metrics
	tracer          trace.Tracer
	artmail         *artmailSecrets
	shared          hook.Secrets
	quarantine      *quarantine
	health          health

	// Each request holds underWay for reading from begin to end, since the inbox must outlive it. underWay also guards stopped.
	underWay sync.RWMutex
	stopped  bool
}

// New returns a server. It fails for an empty secret.
func New(config Config, deps Deps) (*Server, error) {
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
		sourceOf:        Sources(config.TrustedProxies),
		badTokenLimiter: ratelimit.New[source](deps.Now, config.Refusals, config.RefusalsPerSecond),
		connections:     newConnections(config.MaxConnections),
		refusals:        newSampledLog(deps.Logger, deps.Now),
		metrics:         metrics,
		tracer:          deps.Tracer,
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

// routes registers all routes of the public listener. Routes for operators are on the internal listener.
func (s *Server) routes() {
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = answerError
	e.Use(s.observe)
	e.POST(workflows.OffloadWebhookRoute, s.postOffload, exactPath)
	e.POST(workflows.ArtmailWebhookRoute, s.postArtmail, exactPath)
	if len(s.config.SharedSecrets) > 0 {
		e.POST(workflows.OffloadSharedWebhookRoute, s.postOffloadShared, exactPath)
	}
	e.GET("/healthz", s.health.alive)
	e.GET(routeReady, s.health.answerReady)
}

// exactPath answers 404 to longer paths: the last parameter of an echo route also matches slashes and the text behind them. It accepts one
// slash at the end.
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

// param returns a path parameter, percent-decoded: a proxy may encode characters that need no encoding. It removes a slash at the end:
// echo includes that slash in the last parameter of a path.
func param(c echo.Context, name string) string {
	raw := strings.TrimSuffix(c.Param(name), "/")
	if !strings.Contains(raw, "%") {
		return raw
	}
	plain, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return plain
}

// Drain begins a stop: /readyz answers 503, and each answer closes its connection, so that load balancers and senders go elsewhere.
// Webhooks are accepted as before, until the context of Serve ends.
func (s *Server) Drain() { s.health.draining.Store(true) }

// Serve answers on the listener until ctx ends, then stops: it takes no new connection, and stores and answers every body that has been
// read. When it returns, it does not use the inbox any more, but for a check that may still be under way. It returns nil after a stop, even if
// it had to cut connections.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: min(s.config.ReadTimeout, 5*time.Second),
		ReadTimeout:       s.config.ReadTimeout,
		// This timeout starts at the end of the headers, so it covers the body, the commit and the answer.
		WriteTimeout:   s.config.ReadTimeout + max(s.config.OffloadBudget, s.config.ArtmailBudget) + 5*time.Second,
		IdleTimeout:    s.config.IdleTimeout,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       zap.NewStdLog(s.logger.Named("http")),
		// The end of ctx cancels every request; accept stores its delivery regardless.
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
		// Only requests whose body is still arriving are left: both budgets are shorter than StopTimeout.
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

// stop waits for the requests under way. From then on, observe answers 503 to requests that a cut connection may still bring.
func (s *Server) stop() {
	s.underWay.Lock()
	defer s.underWay.Unlock()
	s.stopped = true
}
