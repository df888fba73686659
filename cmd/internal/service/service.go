// Package service connects ingress, inbox, relay, API and workers, and runs them as one process. It contains none of their rules.
package service

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// The first and the longest pause before another try: each is twice the last, with jitter.
const firstPause, longestPause = 250 * time.Millisecond, 5 * time.Second

// Settings are the arguments of Run.
type Settings struct {
	Config  config.Config
	Parts   config.Part
	Keyring *keyring.Ring
	// Payloads encrypt what Temporal keeps; nil encrypts nothing.
	Payloads *keyring.Ring
	// Temporal are the options of the connection. The server need not run yet: webhooks are accepted without it.
	Temporal client.Options
	Log      *zap.Logger
	// Listener and InternalListener replace the listeners of Config. Without an internal one, the process does not show its health.
	Listener, InternalListener net.Listener
}

// Run runs the parts until ctx ends, and returns when all of them have stopped. It fails for a wrong setting (setting.ErrWrong) or
// a broken listener only; it waits for everything else that is missing.
//
// A stop follows the way of the data: for Config.DrainDelay /readyz answers 503 and webhooks are still accepted; then every request that was
// read is stored and answered; then signals to Temporal and calls to providers end. The internal listener answers until the end.
func Run(ctx context.Context, s Settings) error {
	metrics, err := telemetry.New(s.Log.Named("metrics"))
	if err != nil {
		return err
	}
	traces, err := telemetry.StartTraces(ctx, s.Log.Named("traces"))
	if err != nil {
		return fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	defer traces.Close() // after all that makes spans
	registry := metrics.Registry
	payloads := PayloadCodec(s.Payloads, s.Config.PayloadDecryptOnly)
	temporal, err := newTemporal(s, payloads, metrics, traces)
	if err != nil {
		return err
	}
	defer temporal.Close()

	accounts, err := accountClients(s, registry, traces)
	if err != nil {
		return err
	}
	defer func() {
		for _, account := range accounts {
			account.Close()
		}
	}()

	p := process{settings: s}
	checks := []health.Check{{Name: "temporal", Probe: temporalNeeds{temporal, s.Temporal.Namespace, s.Temporal.HostPort}.reachable}}
	if s.Parts&config.Ingress != 0 {
		if p.in, err = newIngress(s, temporal, payloads, registry, traces.Tracer(), p.receives); err != nil {
			return err
		}
		defer p.in.inbox.close()
		defer func() { _ = p.in.listener.Close() }() // needed if Run fails before it serves
		checks = append(p.in.checks(), checks...)
	}
	if s.Parts&config.Worker != 0 {
		if p.workers, err = newWorkers(s, temporal, accounts, registry, traces); err != nil {
			return err
		}
		metrics.CountFromZero()
		checks = append(checks, p.workers.checks()...)
	}
	if p.board, err = health.New(checks, registry, s.Log.Named("health"), now); err != nil {
		return err
	}
	if s.InternalListener != nil || s.Config.Internal.Listen != "" {
		if p.operators, err = p.newOperators(registry, accounts); err != nil {
			return err
		}
		if p.internal, err = listen(s.InternalListener, s.Config.Internal.Listen, "--internal-listen (SIGNALBOX_INTERNAL_LISTEN)"); err != nil {
			return err
		}
	}
	return p.run(ctx)
}

func listen(given net.Listener, address, name string) (net.Listener, error) {
	if given != nil {
		return given, nil
	}
	return setting.Listen(name, address)
}

// process holds the parts that Run runs.
type process struct {
	settings  Settings
	in        *ingressPart
	workers   *workerPart
	board     *health.Board
	operators *internalhttp.Server
	internal  net.Listener
}

// receives decides the answer of the public /readyz.
func (p *process) receives(ctx context.Context) bool {
	p.board.Refresh(ctx)
	return p.board.Receives()
}

// stage is a group of goroutines that stop together.
type stage struct {
	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup
}

func newStage(ctx context.Context) *stage {
	s := &stage{}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

func (s *stage) end() {
	s.stop()
	s.all.Wait()
}

func (p *process) run(ctx context.Context) error {
	failing, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	start := func(s *stage, part func(context.Context) error) {
		s.all.Go(func() {
			if err := part(s.ctx); err != nil {
				fail(err)
			}
		})
	}
	watch, work, receive := newStage(ctx), newStage(ctx), newStage(ctx)
	if p.operators != nil {
		p.settings.Log.Info("operators are answered", zap.Stringer("address", p.internal.Addr()))
		start(watch, func(ctx context.Context) error { return p.operators.Serve(ctx, p.internal) })
	}
	start(watch, func(ctx context.Context) error { p.board.Run(ctx); return nil })
	if p.workers != nil {
		start(work, p.workers.run)
	}
	if p.in != nil {
		start(work, p.in.work)
		start(receive, p.in.serve)
	}

	<-failing.Done()
	p.board.Stop()
	failed := context.Cause(failing)
	if ctx.Err() != nil {
		failed = nil
		if p.in != nil {
			p.in.server.Drain()
			p.settings.Log.Info("stops: webhooks are accepted for a while", zap.Duration("for", p.settings.Config.DrainDelay))
			health.Sleep(watch.ctx, p.settings.Config.DrainDelay)
		}
	}
	for _, s := range []*stage{receive, work, watch} {
		s.end()
	}
	if failed == nil {
		p.settings.Log.Info("stopped")
	}
	return failed
}

// now is the clock of the process, which passes it to all packages.
func now() time.Time { return time.Now() } //nolint:forbidigo // wiring is where the clock comes from
