package storytest

import (
	"context"
	"errors"
	"sync"

	"go.temporal.io/sdk/interceptor"
)

// Gate stops activities that outlive their run; the test environment lets a workflow end while one still runs. It is an interceptor of one
// run's worker.
type Gate struct {
	interceptor.WorkerInterceptorBase

	mu     sync.RWMutex
	closed bool
}

// Close waits for the activities at work. Those that come later fail.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// InterceptActivity is called by the worker for each activity.
func (g *Gate) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &gated{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, gate: g}
}

type gated struct {
	interceptor.ActivityInboundInterceptorBase
	gate *Gate
}

func (a *gated) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	a.gate.mu.RLock()
	defer a.gate.mu.RUnlock()
	if a.gate.closed {
		return nil, errors.New("its run has ended")
	}
	return a.Next.ExecuteActivity(ctx, in)
}
