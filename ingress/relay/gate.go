package relay

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"
)

// gate holds all lanes back while Temporal is away. The relay checks it before each claim and signal, and reports to it each error that may
// concern all workflows. The gate then probes Temporal. If the probe fails, it shuts until a later probe succeeds.
type gate struct {
	probe  func(context.Context) error
	now    func() time.Time
	logger *zap.Logger
	// setHeld is called under mu, so that the last call says whether the gate is shut.
	setHeld func(bool)

	// probing makes senders that fail together share one probe.
	probing   sync.Mutex
	healthyAt time.Time

	mu sync.Mutex
	// open is a closed channel while the gate is open. Shutting the gate replaces it by a new one, which reopening closes.
	open   chan struct{}
	reason error
	since  time.Time

	reopening sync.WaitGroup
}

const (
	probeTimeout = 3 * time.Second
	// probeShared is how long a good probe also answers for senders that failed at about the same time.
	probeShared    = 100 * time.Millisecond
	firstHold      = 250 * time.Millisecond
	longestHold    = 15 * time.Second
	logEveryProbes = 20
)

func newGate(probe func(context.Context) error, now func() time.Time, logger *zap.Logger, setHeld func(bool)) *gate {
	open := make(chan struct{})
	close(open)
	return &gate{probe: probe, now: now, logger: logger, setHeld: setHeld, open: open}
}

// wait returns when the gate is open, or with the context's error.
func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shut returns since when and why the gate is shut. The reason is nil while it is open.
func (g *gate) shut() (since time.Time, reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.since, g.reason
}

// suspect probes Temporal after an error that may concern all workflows. It reports whether the gate is shut, and shuts it if the probe
// fails. The attempts to reopen it end with the context run.
func (g *gate) suspect(run context.Context, cause error) bool {
	asked := g.now()
	g.probing.Lock()
	defer g.probing.Unlock()
	if _, reason := g.shut(); reason != nil {
		return true
	}
	if g.healthyAt.After(asked.Add(-probeShared)) {
		return false
	}
	reason := g.try(run)
	if reason == nil {
		g.healthyAt = g.now()
		return false
	}
	g.mu.Lock()
	g.open, g.reason, g.since = make(chan struct{}), reason, g.now()
	g.setHeld(true)
	g.mu.Unlock()
	g.logger.Error("Temporal is away: deliveries are held back", zap.Error(cause), zap.NamedError("probe", reason))
	g.reopening.Go(func() { g.reopen(run) })
	return true
}

func (g *gate) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	return g.probe(ctx)
}

func (g *gate) reopen(ctx context.Context) {
	pause := firstHold
	for tries := 1; ; tries++ {
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		err := g.try(ctx)
		if err == nil {
			break
		}
		g.mu.Lock()
		g.reason = err
		g.mu.Unlock()
		if tries%logEveryProbes == 0 {
			g.logger.Error("Temporal is still away: deliveries are held back", zap.Error(err), zap.Duration("for", g.now().Sub(g.since)))
		}
		pause = min(2*pause, longestHold)
	}
	g.mu.Lock()
	since := g.since
	g.reason, g.since = nil, time.Time{}
	close(g.open)
	g.setHeld(false)
	g.mu.Unlock()
	g.logger.Info("Temporal is back: deliveries are sent again", zap.Duration("after", g.now().Sub(since)))
}
