package service

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
)

// operate lets the command line at the inbox that this process has open. Where the socket can't be made (its path may be too long for
// the system) webhooks are taken all the same. A shared inbox the command line opens itself.
func (in *receiving) operate(ctx context.Context) error {
	if storage.IsShared(in.config.Inbox) {
		return nil
	}
	path := operator.SocketPath(in.config.Inbox)
	listener, err := operator.Listen(ctx, path)
	if err != nil {
		in.log.Error("no operations on the inbox by the command line while this process runs", zap.Error(err))
		return nil
	}
	return in.desk.Serve(ctx, listener)
}

const (
	// retainEvery is how often retention is enforced: much more often than it could be noticed to be late.
	retainEvery = time.Hour
	retention   = "retention"
)

// retain ends the retention of bodies and rows, now and every hour.
func (in *receiving) retain(ctx context.Context) error {
	keep := operator.PurgeRequest{Bodies: in.config.KeepBodies, Rows: in.config.KeepRows}
	if keep == (operator.PurgeRequest{}) {
		return nil
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if _, err := in.desk.Purge(operator.WithCaller(ctx, retention), keep); err != nil && ctx.Err() == nil {
			in.log.Error("purge the inbox", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
