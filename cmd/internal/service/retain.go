package service

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// retainEvery is how often retention is enforced.
const retainEvery = time.Hour

// retain removes bodies and rows whose retention has ended, now and every hour.
func (in *receiving) retain(ctx context.Context, store inbox.Store) {
	if in.config.KeepBodies == 0 && in.config.KeepRows == 0 {
		return
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		in.purge(ctx, store)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// purge removes bodies and rows whose retention has ended. After an error, the next purge comes in an hour.
func (in *receiving) purge(ctx context.Context, store inbox.Store) {
	request := inbox.PurgeRequest{Now: now()}
	if in.config.KeepBodies > 0 {
		request.BodiesBefore = request.Now.Add(-in.config.KeepBodies)
	}
	if in.config.KeepRows > 0 {
		request.RowsBefore = request.Now.Add(-in.config.KeepRows)
	}
	purged, err := store.Purge(ctx, request)
	if purged != (inbox.Purged{}) {
		in.log.Info("expired deliveries removed", zap.Int("bodies_removed", purged.Bodies), zap.Int("deliveries_removed", purged.Rows))
	}
	if err != nil && ctx.Err() == nil {
		in.log.Error("retention not enforced", zap.Error(err))
	}
}
