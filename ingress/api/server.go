package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Errors of Deps.Transcript, beside those of the Go client.
var (
	// ErrNoAccount: this process has no API key of the case's Offload account.
	ErrNoAccount = errors.New("the case's Offload account is not configured here")
	// ErrNotCreated: the case is not known at Offload yet.
	ErrNotCreated = fmt.Errorf("%w: Offload has not created the case yet", signalbox.ErrNotFound)
	// ErrNotAtOffload: Offload does not have the case.
	ErrNotAtOffload = fmt.Errorf("%w: Offload does not have the case", signalbox.ErrNotFound)
	// ErrProvider: Offload refused the call, for example its API key, or its answer can't be read.
	ErrProvider = errors.New("refused by Offload, or its answer can't be read")
)

// Deps are what the API works with.
type Deps struct {
	// Client needs a keyring to reveal API keys.
	Client *signalbox.Client
	// Inbox returns the store, or an error while it is not open.
	Inbox func() (inbox.Store, error)
	// Keys open the bodies of deliveries, and AgentSecrets verify those that are released.
	Keys         *keyring.Ring
	AgentSecrets map[string][]string
	// Accounts and Callbacks are the configured names that a start may use. Nil: the process has no workers, and others may have other names.
	Accounts, Callbacks []string
	// Transcript reads the conversation of a case from Offload.
	Transcript func(ctx context.Context, reference string) (workflows.CaseTranscript, error)
	// Tokens find callers. Nil: everybody is let in as "local", which is for loopback alone.
	Tokens Tokens
	Log    *zap.Logger
	// Tracer makes a span of each call; it goes on with the trace that the caller's header traceparent names. Nil: none is made.
	Tracer trace.Tracer
	Now    func() time.Time
}

const (
	// callTimeout bounds a call that does not wait.
	callTimeout = 10 * time.Second
	// transcriptTimeout bounds a call that reads from Offload, where the account's rate may make it wait.
	transcriptTimeout = 30 * time.Second
	// longTimeout bounds a call that works through many deliveries.
	longTimeout = 5 * time.Minute
	// writeTime is left for sending an answer.
	writeTime = 10 * time.Second
)

// Server answers under /v1. Make one with New.
type Server struct {
	deps    Deps
	spec    *specification
	handler http.Handler
	// strangers is the log of calls without a token.
	strangers *zap.Logger

	// One caller must not keep the inbox, Offload's rate or Temporal's waiting calls from others.
	counting, reading, transcripts *semaphore.Weighted
	transcriptsOf                  sync.Map // of *semaphore.Weighted by the name of a token; see transcriptTurn
	waiting                        waiters

	stopping chan struct{}
	stop     sync.Once
}

// How many calls of a kind are under way. Counting reads all deliveries, readiness shares the four connections by which a PostgreSQL inbox is read, and a transcript takes a turn of the reads
// that polling needs.
const (
	countingAtOnce    = 1
	readingAtOnce     = 2
	transcriptsAtOnce = 2
)

// New makes a server.
func New(deps Deps) (*Server, error) {
	spec, err := readSpecification()
	if err != nil {
		return nil, err
	}
	s := &Server{
		deps: deps, spec: spec, strangers: SampledLog(deps.Log), stopping: make(chan struct{}),
		counting: semaphore.NewWeighted(countingAtOnce), reading: semaphore.NewWeighted(readingAtOnce), transcripts: semaphore.NewWeighted(transcriptsAtOnce),
		waiting: waiters{of: map[string]int{}},
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.Use(s.identify, middleware.RecoverWithConfig(middleware.RecoverConfig{DisableErrorHandler: true, LogErrorFunc: s.recovered}), s.admit)
	RegisterHandlers(e, NewStrictHandler(s, nil))
	if err := s.publish(e); err != nil {
		return nil, err
	}
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		w.Header().Set("X-Request-Id", id)
		s.strangers.Warn("call refused", zap.String("request_id", id), zap.String("method", r.Method), zap.Int("status", problemForeignOrigin.status),
			zap.String("remote", r.RemoteAddr), zap.String("why", problemForeignOrigin.name))
		_ = (&problemError{kind: problemForeignOrigin, detail: problemForeignOrigin.fix}).write(w, id) // the client may have gone
	}))
	s.handler = origin.Handler(e)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Stop makes waiting calls answer at once with the present state.
func (s *Server) Stop() { s.stop.Do(func() { close(s.stopping) }) }

func newRequestID() string { return uuid.NewString() }

const requestIDKey = "requestId"

func requestID(c echo.Context) string {
	id, _ := c.Get(requestIDKey).(string)
	return id
}

// identify gives the request an ID and logs its end.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := newRequestID()
		c.Set(requestIDKey, id)
		c.Response().Header().Set("X-Request-Id", id)
		c.Response().Header().Set("X-Content-Type-Options", "nosniff")
		sent := c.Request().Context() // admit gives the request one that ends with the call
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		s.logEnd(c, abandoned(sent, err), err)
		return nil
	}
}

// abandoned reports whether a call failed because its caller has gone.
func abandoned(sent context.Context, err error) bool {
	return errors.Is(err, context.Canceled) && errors.Is(sent.Err(), context.Canceled)
}

// logEnd writes a line for each call that changed something or was refused. It has no parameter, since those may be secret.
func (s *Server) logEnd(c echo.Context, abandoned bool, err error) {
	status, by := c.Response().Status, caller(c.Request().Context()).Name
	log := s.deps.Log
	if by == "" {
		log = s.strangers
	}
	fields := []zap.Field{
		zap.String("request_id", requestID(c)), zap.String("method", c.Request().Method), zap.String("route", c.Path()),
		zap.Int("status", status), zap.String("by", by),
	}
	switch {
	case abandoned:
		log.Debug("call abandoned by its caller", fields...)
	case status >= http.StatusInternalServerError:
		log.Error("call failed", append(fields, zap.Error(err))...)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		log.Warn("call refused", append(fields, zap.String("remote", c.Request().RemoteAddr), zap.String("why", toProblem(err).kind.name))...)
	case c.Request().Method != http.MethodGet:
		log.Info("call answered", fields...)
	}
}

func (s *Server) recovered(c echo.Context, err error, stack []byte) error {
	s.deps.Log.Error("panic", zap.String("request_id", requestID(c)), zap.Error(err), zap.ByteString("stack", stack))
	return errors.New("panic")
}

// fail answers with a problem.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	// A caller that has gone takes no answer.
	_ = toProblem(err).write(c.Response(), requestID(c))
}

// admit lets a request through to its handler when the caller may make it and it is valid.
func (s *Server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		op := s.spec.operations[c.Request().Method+" "+c.Path()]
		if op == nil {
			return next(c) // the document itself, or no route
		}
		// CrossOriginProtection lets GET pass.
		if site := c.Request().Header.Get("Sec-Fetch-Site"); s.deps.Tokens == nil && (site == "cross-site" || site == "same-site") {
			return problemForeignOrigin.withFix()
		}
		token, err := authenticate(s.deps.Tokens, c.Request())
		if err != nil {
			return err
		}
		c.SetRequest(c.Request().WithContext(withCaller(c.Request().Context(), token)))
		if err := authorize(token, op.scopes); err != nil {
			return err
		}
		agent, _ := pathParam(c, "agent") // validate refuses one that can't be decoded
		if err := mayUseAgent(c.Request().Context(), agent); err != nil {
			return err
		}
		return s.traced(c, func() error {
			if err := s.spec.validate(c, op); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Request().Context(), s.timeout(c, op))
			defer cancel()
			c.SetRequest(c.Request().WithContext(ctx))
			reference, _ := pathParam(c, "reference") // validate has decoded it
			if err := s.mayUseCase(ctx, reference); err != nil {
				return err
			}
			return next(c)
		})
	}
}

// timeout is how long a call may take. It moves the deadline of the connection, which the listener sets for short answers.
func (s *Server) timeout(c echo.Context, op *operation) time.Duration {
	timeout := callTimeout
	switch op.id {
	case "replayDeliveries", "releaseDeliveries", "purgeDeliveries", "countDeliveries", "catchUp":
		timeout = longTimeout
	case "getCaseTranscript":
		timeout = transcriptTimeout
	case "getCase":
		timeout += waitTime(c.QueryParam("wait"))
	}
	// A listener without deadlines needs none.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(s.deps.Now().Add(timeout + writeTime))
	return timeout
}

// admin returns the access of the caller to the inbox.
func (s *Server) admin(ctx context.Context) (inboxadmin.Admin, error) {
	store, err := s.deps.Inbox()
	if err != nil {
		return inboxadmin.Admin{}, fmt.Errorf("inbox: %w", err)
	}
	return inboxadmin.Admin{Inbox: store, Keys: s.deps.Keys, Secrets: s.deps.AgentSecrets, Who: caller(ctx).Name, Now: s.deps.Now}, nil
}
