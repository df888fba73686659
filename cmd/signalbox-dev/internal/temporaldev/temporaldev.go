// Package temporaldev runs the real Temporal server and its Web UI inside this process, for development and for whole-system tests. It does not know
// Signalbox's workflows. It is not for production: one process, loopback only, no TLS and no authentication.
package temporaldev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporal"
)

const (
	defaultNamespace = "default"
	// defaultRetention is how long a closed workflow can be found. Temporal refuses the reuse of a workflow ID only for that time, and Signalbox
	// promises 30 days.
	defaultRetention = 30 * 24 * time.Hour
	startTimeout     = 2 * time.Minute
)

// Options configure the server. The zero value is an in-memory server on a free port, without a UI.
type Options struct {
	// DatabaseFile is the path of the SQLite file; its folder must exist. Empty keeps everything in memory.
	DatabaseFile string
	// Postgres is the address, postgres://…, of a PostgreSQL server that keeps the data instead. Missing databases temporal and
	// temporal_visibility are created.
	Postgres string
	// Shards is the number of history shards, which may not change between starts. Default: 1.
	Shards int32
	// Namespace is created if it does not exist. Default: "default".
	Namespace string
	// Retention of closed workflows, for a namespace that is created. Default: 30 days.
	Retention time.Duration
	// FrontendAddr is host:port of the gRPC frontend. Port 0, or an empty address, picks a free one on 127.0.0.1.
	FrontendAddr string
	// UIAddr is host:port of the Web UI. Port 0 picks a free one; an empty address means no UI.
	UIAddr string
	// UICodecEndpoint is the URL of a codec server that the Web UI reads payloads through; empty: it shows them as they are.
	UICodecEndpoint string
	// SearchAttributes are the namespace's custom search attributes, by name. Missing ones are added to a namespace
	// that exists already. An attribute that exists with another type is an error.
	SearchAttributes map[string]enumspb.IndexedValueType
	// DynamicConfig sets values of Temporal's dynamic configuration, e.g. "history.timerProcessorMaxTimeShift".
	DynamicConfig map[string]any
	// Logger gets the server's log lines of level error and above. Without it, the server logs nothing.
	Logger *zap.Logger
}

// Server is a running Temporal server. Its methods are safe for concurrent use.
type Server struct {
	namespace    string
	frontendAddr string
	server       temporal.Server
	ui           *webUI

	stopOnce sync.Once
	stopErr  error
}

// Start runs the server and, with UIAddr, the Web UI. It returns when workflows can be started in the namespace with its search attributes. It fails
// if an address is taken, a file can't be opened, or the server is not ready within two minutes; then it leaves nothing running.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts = withDefaults(opts)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		s, err := start(ctx, opts)
		// The server gives its services 15 seconds together, which a busy machine can exceed.
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return s, err
		}
	}
}

func start(ctx context.Context, opts Options) (*Server, error) {
	addrs, err := reserveAddresses(opts)
	if err != nil {
		return nil, err
	}
	databases, err := prepareDatabases(ctx, opts)
	if err != nil {
		return nil, err
	}
	server, err := newServer(databases, addrs, opts)
	if err != nil {
		return nil, fmt.Errorf("put the Temporal server together: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Temporal server: %w", err), server.Stop())
	}
	s := &Server{namespace: opts.Namespace, frontendAddr: addrs.frontend.String(), server: server}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if opts.UIAddr != "" {
		s.ui, err = startUI(ctx, addrs.ui, s.frontendAddr, opts)
		if err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

// FrontendAddr is the host:port that Temporal clients dial.
func (s *Server) FrontendAddr() string { return s.frontendAddr }

// Namespace is the namespace that the server was started with.
func (s *Server) Namespace() string { return s.namespace }

// UIURL is the base URL of the Web UI, without a trailing slash; empty without a UI.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.url
}

// Dial connects a client to the server's namespace. Each customise function may change the options before that; the
// address always stays the server's own. The caller closes the client.
func (s *Server) Dial(ctx context.Context, customise ...func(*client.Options)) (client.Client, error) {
	options := client.Options{Namespace: s.namespace, Logger: quietSDKLogger()}
	for _, change := range customise {
		change(&options)
	}
	options.HostPort = s.frontendAddr
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("dial the Temporal server at %s: %w", s.frontendAddr, err)
	}
	return c, nil
}

// Stop ends the UI and the server, cuts the connections of clients that are still open, and frees the ports. It takes
// a few seconds. The database file can be opened again at once; the last connection to it closes by itself within
// connectionLifetime, since Temporal's SQLite plugin keeps its connections. Further calls return what the first did.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		if s.ui != nil {
			s.ui.stop()
		}
		if err := s.server.Stop(); err != nil {
			s.stopErr = fmt.Errorf("stop the Temporal server: %w", err)
		}
	})
	return s.stopErr
}

func withDefaults(opts Options) Options {
	if opts.Namespace == "" {
		opts.Namespace = defaultNamespace
	}
	if opts.Retention <= 0 {
		opts.Retention = defaultRetention
	}
	if opts.Shards <= 0 {
		opts.Shards = 1
	}
	if opts.FrontendAddr == "" {
		opts.FrontendAddr = net.JoinHostPort("127.0.0.1", "0")
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return opts
}
