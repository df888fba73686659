// Package internalhttp is the HTTP listener for operators and apps: /healthz, /readyz with every check, /metrics, the API under /v1, the codec
// server under /codec, and the page. These last three check tokens themselves.
//
// On loopback without tokens the Host header must be a loopback name or address. Otherwise a web page whose name resolves to 127.0.0.1 could
// read the answers in a person's browser (DNS rebinding).
package internalhttp

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/ingress/api"
)

// Config holds the handlers and the protection of the listener. The zero value is for loopback: plain HTTP, and the Host header is checked.
type Config struct {
	// API answers under /v1; nil for none. A stop of the server calls its Stop.
	API API
	// Codec answers under /codec; nil for none.
	Codec http.Handler
	// Page answers all other paths; nil for none.
	Page http.Handler
	// CertFile and KeyFile are PEM files for TLS, read again when they change; empty for plain HTTP.
	CertFile, KeyFile string
	// AnyHost turns the check of the Host header off: for an address beyond loopback, and if callers need tokens.
	AnyHost bool
	// MaxConnections is how many connections are open at a time; others wait. 0: maxConnections.
	MaxConnections int
}

// maxConnections leaves room beside the 1,000 calls of the API that may wait.
const maxConnections = 2048

// API is a handler with waiting calls, which end when Stop is called.
type API interface {
	http.Handler
	Stop()
}

// Server answers operators. Make one with New, run it with Serve.
type Server struct {
	config  Config
	handler http.Handler
	tls     *tls.Config
	log     *zap.Logger
}

// New fails if the certificate can't be used.
func New(config Config, board *health.Board, registry *prometheus.Registry, log *zap.Logger) (*Server, error) {
	s := &Server{config: config, log: api.SampledLog(log)}
	if config.CertFile != "" {
		certificate, err := newCertificate(config.CertFile, config.KeyFile, log)
		if err != nil {
			return nil, err
		}
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.get}
	}
	s.handler = s.checkHost(s.routes(board, registry))
	return s, nil
}

func (s *Server) routes(board *health.Board, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, board) })
	// A metric that can't be read is left out; the others are shown.
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	if s.config.API != nil {
		mux.Handle("/v1", s.config.API)
		mux.Handle("/v1/", s.config.API)
	}
	if s.config.Codec != nil {
		mux.Handle("/codec/", s.config.Codec)
	}
	if s.config.Page != nil {
		mux.Handle("/", s.config.Page)
	}
	return mux
}

func alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive\n") }

// ready answers with all checks, and with 200 if all of them pass, otherwise 503.
func ready(w http.ResponseWriter, r *http.Request, board *health.Board) {
	board.Refresh(r.Context())
	ok, checks := board.Ready()
	body, err := json.MarshalIndent(map[string]any{"ready": ok, "checks": checks}, "", "  ")
	if err != nil {
		answer(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, string(body)+"\n")
}

// answer writes an answer. It ignores an error, which means that the caller has closed the connection.
func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (s *Server) checkHost(next http.Handler) http.Handler {
	if s.config.AnyHost {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsLoopback(r.Host) {
			answer(w, http.StatusMisdirectedRequest, "this listener answers to localhost only\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsLoopback reports whether a host, or host:port, is a loopback name or address. An empty host in a listen address means every interface, so it
// is not.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// connectionErrors logs what net/http reports, such as failed TLS handshakes, under one message. The text has the address, and would be
// another message for each connection to a sampled log.
type connectionErrors struct{ log *zap.Logger }

func (c connectionErrors) Write(text []byte) (int, error) {
	c.log.Warn("connection failed", zap.String("cause", strings.TrimSpace(string(text))))
	return len(text), nil
}

const stopTimeout = 2 * time.Second

// Serve answers on the listener until ctx ends.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          stdlog.New(connectionErrors{s.log.Named("http")}, "", 0),
	}
	if s.config.API != nil {
		server.RegisterOnShutdown(s.config.API.Stop)
	}
	listener = netutil.LimitListener(listener, cmp.Or(s.config.MaxConnections, maxConnections))
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve operators: %w", errors.Join(err, server.Close()))
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close() // cuts slow readers, which can repeat their requests
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve operators: %w", err)
	}
	return nil
}
