// Package service puts the rooms of Signalbox together and runs them: the one place where ingress, inbox, relay and worker meet. It knows
// no rule of any of them.
package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Settings are what Run needs.
type Settings struct {
	Config  config.Config
	Parts   config.Part
	Keyring *keyring.Ring
	// Temporal says where the server is. It need not be there yet: webhooks are accepted without it.
	Temporal client.Options
	Log      *zap.Logger
	// Listener replaces the one that Config.Listen names.
	Listener net.Listener
}

// Run runs the parts until ctx ends, and returns when all of them have stopped: every request that was read is stored and answered, and
// what is under way to Temporal and to providers is finished. A part that fails stops the others.
func Run(ctx context.Context, s Settings) error {
	s.Temporal.Logger = logging.ForTemporal(s.Log)
	temporal, err := client.NewLazyClient(s.Temporal)
	if err != nil {
		return fmt.Errorf("temporal client: %w", err)
	}
	defer temporal.Close()

	var parts []func(context.Context) error
	if s.Parts&config.Ingress != 0 {
		in, err := newIngress(ctx, s, temporal)
		if err != nil {
			return err
		}
		defer in.close()
		parts = append(parts, in.serve, in.drain, in.retain)
	}
	if s.Parts&config.Worker != 0 {
		run, err := newWorkers(ctx, s, temporal)
		if err != nil {
			return err
		}
		parts = append(parts, run)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range parts {
		group.Go(func() error { return run(ctx) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	s.Log.Info("stopped")
	return nil
}

// newRegistry is the process's own set of metrics.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// now is the process's clock: the rooms take it as an argument.
func now() time.Time { return time.Now() } //nolint:forbidigo // wiring is where the clock comes from
