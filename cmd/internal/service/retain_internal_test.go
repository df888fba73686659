package service

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// purges is an inbox that can only be purged. It records the requests.
type purges struct {
	inbox.Store
	mu       sync.Mutex
	requests []inbox.PurgeRequest
}

func (p *purges) seen() []inbox.PurgeRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

func (p *purges) Purge(_ context.Context, request inbox.PurgeRequest) (inbox.Purged, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, request)
	return inbox.Purged{}, nil
}

func TestRetentionIsEnforcedAfterTenMinutesAndThenEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		store := &purges{}
		in := ingressPart{config: config.Config{KeepBodies: 2 * time.Hour, KeepRows: 4 * time.Hour}, log: zap.NewNop()}
		done := make(chan struct{})
		go func() {
			in.retain(ctx, store)
			close(done)
		}()
		after := func(wait time.Duration, purged int) {
			t.Helper()
			<-time.After(wait)
			synctest.Wait()
			require.Len(t, store.seen(), purged)
		}
		after(9*time.Minute, 0)
		after(time.Minute, 1)
		at := now()
		require.Equal(t, inbox.PurgeRequest{Now: at, BodiesBefore: at.Add(-2 * time.Hour), RowsBefore: at.Add(-4 * time.Hour)}, store.seen()[0])
		after(59*time.Minute, 1)
		after(time.Minute, 2)
		stop()
		<-done
	})
}
