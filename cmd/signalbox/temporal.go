package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// dial connects now, so that a command for people fails at once if Temporal is away.
func (p process) dial(ctx context.Context) (client.Client, client.Options, error) {
	options, err := p.temporal.Options()
	if err != nil {
		return nil, options, fmt.Errorf("%w: %w", errUsage, err)
	}
	options.Logger = logging.ForTemporal(zap.NewNop())
	temporal, err := p.dialTemporal(ctx, options)
	if err != nil {
		return nil, options, fmt.Errorf("%w: Temporal at %s, namespace %s: %w", signalbox.ErrUnavailable, options.HostPort, options.Namespace, err)
	}
	return temporal, options, nil
}

// client returns the Go client over a new connection, which close ends.
func (p process) client(cmd *cobra.Command, options signalbox.Options) (apps *signalbox.Client, end func(), err error) {
	temporal, _, err := p.dial(cmd.Context())
	if err != nil {
		return nil, nil, err
	}
	apps, err = signalbox.New(temporal, options)
	if err != nil {
		temporal.Close()
		return nil, nil, err
	}
	return apps, temporal.Close, nil
}
