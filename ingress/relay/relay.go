package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// Deps are the dependencies of a Relay; all but Payloads and Tracer are required.
type Deps struct {
	Temporal Temporal
	// Payloads is the codec of the Temporal client; nil: it has none.
	Payloads *payloadcodec.Codec
	Inbox    inbox.Store
	Keys     *keyring.Ring
	Logger   *zap.Logger
	Metrics  prometheus.Registerer
	// Tracer makes a span of each signal. Nil: none is made.
	Tracer trace.Tracer
	Now    func() time.Time
}

// Relay turns pending deliveries into signals. Make one with New, run it with Run.
type Relay struct {
	config   Config
	temporal Temporal
	payloads *payloadcodec.Codec
	memos    converter.DataConverter
	inbox    inbox.Store
	keys     *keyring.Ring
	logger   *zap.Logger
	metrics  *metrics
	tracer   trace.Tracer
	now      func() time.Time
	routes   map[string]route
	gate     *gate
	budget   *budget
	leases   *leases
	// olderUnmatched is where the next replayPass goes on; empty: after the newest.
	olderUnmatched string
}

// New returns a relay. It fails if its metrics are registered already.
func New(config Config, deps Deps) (*Relay, error) {
	metrics, err := newMetrics(deps.Metrics, deps.Inbox, deps.Now)
	if err != nil {
		return nil, err
	}
	config = config.withDefaults()
	payloads := cmp.Or(deps.Payloads, payloadcodec.New(nil))
	r := &Relay{
		payloads: payloads, memos: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), payloads),
		config: config, temporal: deps.Temporal, inbox: deps.Inbox, keys: deps.Keys, logger: deps.Logger, metrics: metrics,
		tracer: deps.Tracer, now: deps.Now,
		budget: newBudget(config.MaxInFlight),
		leases: newLeases(config.Lease, config.SignalTimeout),
	}
	r.routes = r.newRoutes()
	r.gate = newGate(func(ctx context.Context) error { return probe(ctx, deps.Temporal) }, deps.Now, deps.Logger, metrics.setHeldBack)
	return r, nil
}

// Check returns an error while deliveries are held back.
func (r *Relay) Check(context.Context) error {
	if since, reason := r.gate.shut(); reason != nil {
		return fmt.Errorf("deliveries are held back since %s: %w", since.UTC().Format(time.RFC3339), reason)
	}
	return nil
}

// laneResult holds a settlement for each claimed delivery of a lane. claim is set just before they are written, because the relay may claim
// the lane again until then.
type laneResult struct {
	lane        string
	claim       int64
	settlements []inbox.Settlement
}

// Run claims, sends and settles until ctx ends. It returns when the signals under way have ended and all results are settled.
//
// The three steps are a pipeline: while the relay signals one batch of lanes, it claims the next and settles the one before. One settlement
// writes all results that are ready.
func (r *Relay) Run(ctx context.Context) {
	lanes := make(chan inbox.Lane, lanesAhead*r.config.Concurrency)
	results := make(chan laneResult, 2*r.config.Concurrency)
	var senders, settler, renewer, passes sync.WaitGroup
	for range r.config.Concurrency {
		senders.Go(func() {
			for lane := range lanes {
				settlements := keepEnds(lane.Deliveries, r.handle(ctx, lane))
				r.budget.free(lane)
				results <- laneResult{lane: lane.Name, settlements: settlements}
			}
		})
	}
	settler.Go(func() { r.settle(ctx, results) })
	// A stop must not let another relay repeat what is not settled yet.
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	renewer.Go(func() { r.renewLeases(renewing) })
	passes.Go(func() { r.repeat(ctx, r.sendOptionsPass) })
	passes.Go(func() { r.repeat(ctx, r.replayPass) })

	r.claim(ctx, lanes)
	close(lanes)
	senders.Wait()
	close(results)
	settler.Wait()
	stopRenewing()
	renewer.Wait()
	passes.Wait()
	r.gate.reopening.Wait()
}

// repeat runs a pass again and again until ctx ends. Each pass returns the pause before the next one. While the gate is shut, repeat waits.
func (r *Relay) repeat(ctx context.Context, pass func(context.Context) time.Duration) {
	for r.gate.wait(ctx) == nil {
		timer := time.NewTimer(pass(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

const (
	// lanesAhead is how many lanes wait for each sender while more are claimed.
	lanesAhead = 2
	// claimAgain is the pause after a claim that found something. At once, the next one would slow down Temporal on the same processors.
	claimAgain = 20 * time.Millisecond
	// After a claim that found nothing, the next one waits stuckPause if a claimed lane has waited for Temporal longer than stuckAfter. Most new
	// deliveries then belong to claimed lanes, and a claim would only put them there. Without the pause, acknowledging with a stopped Temporal
	// reached 0.79 of the usual rate; with it 0.83.
	stuckAfter, stuckPause = 250 * time.Millisecond, 50 * time.Millisecond
)

// claim gives claimed lanes to the senders until ctx ends. It also gives them the lanes of the last claim, which they then release.
func (r *Relay) claim(ctx context.Context, lanes chan<- inbox.Lane) {
	poll := time.NewTicker(r.config.PollInterval)
	defer poll.Stop()
	for r.gate.wait(ctx) == nil {
		room, err := r.budget.room(ctx)
		if err != nil {
			return
		}
		claimed, err := r.claimOnce(ctx, room)
		if err != nil && ctx.Err() == nil {
			r.logger.Error("claim deliveries", zap.Error(err))
		}
		for _, lane := range claimed {
			lanes <- lane
		}
		var again <-chan time.Time
		switch {
		case len(claimed) > 0:
			// Wake tells of what this claim left, but not of lanes that were locked and not of other processes.
			again = time.After(claimAgain)
		case r.leases.oldest(r.now()) > stuckAfter:
			select {
			case <-time.After(stuckPause):
			case <-ctx.Done():
			}
		}
		select {
		case <-r.inbox.Wake():
		case <-again:
		case <-poll.C:
		case <-ctx.Done():
		}
	}
}

// claimOnce claims lanes. A stop does not cancel the claim: it may be written all the same, and its lanes would then wait for the end of the lease.
func (r *Relay) claimOnce(ctx context.Context, room int64) ([]inbox.Lane, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimTimeout)
	defer cancel()
	now := r.now()
	found, err := r.inbox.Claim(ctx, inbox.ClaimRequest{
		Owner: r.config.Owner, Now: now, Lease: r.config.Lease, MaxLanes: lanesAhead * r.config.Concurrency, MaxPerLane: maxPerLane, MaxBytes: room,
	})
	var claimed []inbox.Lane
	for _, lane := range found {
		if r.leases.add(lane.Name, lane.Claim, now) {
			r.budget.reserve(lane)
			claimed = append(claimed, lane)
		}
	}
	return claimed, err
}

const (
	claimTimeout, settleTimeout = 10 * time.Second, 10 * time.Second
	// maxSettlements bounds one transaction of the inbox.
	maxSettlements = 2000
	// settleAfter lets results that follow share the transaction, and gives the processors to the signal just sent: where Temporal runs on the
	// same two, an event reaches its workflow 4 % sooner.
	settleAfter   = 3 * time.Millisecond
	firstSettle   = 100 * time.Millisecond
	longestSettle = 5 * time.Second
)

// settle writes all results that are ready in one transaction, shortly after the first. The results of a lane stay together, since a settlement
// ends its claim.
func (r *Relay) settle(ctx context.Context, results <-chan laneResult) {
	var single sync.WaitGroup
	defer single.Wait()
	for first := range results {
		<-time.After(settleAfter)
		batch := []laneResult{first}
		for count := len(first.settlements); count < maxSettlements && len(results) > 0; {
			next := <-results
			batch, count = append(batch, next), count+len(next.settlements)
		}
		for i := range batch {
			batch[i].claim = r.leases.settling(batch[i].lane)
		}
		if !r.settleBatch(ctx, batch, false) {
			for i := range batch {
				single.Go(func() { r.settleBatch(ctx, batch[i:i+1], true) })
			}
		}
	}
}

// settleBatch tries again until it succeeds or the relay stops: a lost settlement means a repeated signal. With wait false, it returns false
// at the first locked lane and has settled nothing; the caller then settles each lane separately, so that only the locked one waits.
func (r *Relay) settleBatch(ctx context.Context, batch []laneResult, wait bool) bool {
	request := inbox.SettleRequest{Claims: make(map[string]int64, len(batch))}
	for _, one := range batch {
		request.Claims[one.lane] = one.claim
		request.Settlements = append(request.Settlements, one.settlements...)
	}
	for pause := firstSettle; ; pause = min(2*pause, longestSettle) {
		request.Now = r.now()
		// A stop does not cancel the settlement, because the signals have been sent.
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := r.inbox.Settle(try, request)
		cancel()
		if errors.Is(err, inbox.ErrLocked) && !wait {
			return false
		}
		stopped := ctx.Err() != nil
		if err != nil {
			r.logger.Error("settle deliveries", zap.Int("count", len(request.Settlements)), zap.Bool("gave_up", stopped), zap.Error(err))
		} else {
			r.metrics.countSettled(request.Settlements)
		}
		if err == nil || stopped || errors.Is(err, inbox.ErrClosed) || errors.Is(err, inbox.ErrInvalid) {
			r.leases.settled(request.Claims)
			return true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
