package service

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	// firstRetain is when retention is enforced first. A machine that has just started may have a wrong clock: a purge by it could remove
	// everything. Time servers correct it within minutes.
	firstRetain = 10 * time.Minute
	// retainEvery is how often retention is enforced from then on.
	retainEvery = time.Hour
)

// retain removes bodies and rows whose retention has ended, after ten minutes and then every hour.
func (in *ingressPart) retain(ctx context.Context, store inbox.Store) {
	if in.config.KeepBodies == 0 && in.config.KeepRows == 0 {
		return
	}
	for pause := firstRetain; health.Sleep(ctx, pause); pause = retainEvery {
		in.purge(ctx, store)
	}
}

// purge removes bodies and rows whose retention has ended. After an error, the next purge comes in an hour. Purge, in sqlstore/keep.go, also finds
// what arrived while a clock was ahead.
func (in *ingressPart) purge(ctx context.Context, store inbox.Store) {
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
