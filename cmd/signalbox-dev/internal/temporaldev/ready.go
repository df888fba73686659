package temporaldev

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
)

const readyPollInterval = 10 * time.Millisecond

// awaitReady returns when the frontend answers for the namespace and the history shard answers too. A description of a workflow that can't exist
// reaches the history shard and changes nothing.
func (s *Server) awaitReady(ctx context.Context) error {
	c, err := client.NewLazyClient(client.Options{HostPort: s.frontendAddr, Namespace: s.namespace, Logger: quietSDKLogger()})
	if err != nil {
		return fmt.Errorf("client for the Temporal server: %w", err)
	}
	defer c.Close()

	poll := time.NewTicker(readyPollInterval)
	defer poll.Stop()
	for {
		err := probe(ctx, c)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the Temporal server: %w (last error: %w)", ctx.Err(), err)
		case <-poll.C:
		}
	}
}

func probe(ctx context.Context, c client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := c.DescribeWorkflowExecution(ctx, "temporaldev-ready-probe", "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return nil
	}
	if err == nil {
		return errors.New("the probe's workflow exists")
	}
	return err
}

// quietSDKLogger drops the log of the SDK's client, because each call also returns its error.
func quietSDKLogger() sdklog.Logger { return logging.ForTemporal(zap.NewNop()) }
