package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Parts are what a relay is built of; none may be missing.
type Parts struct {
	Temporal Temporal
	Inbox    inbox.Store
	Keys     *keyring.Ring
	Logger   *zap.Logger
	Metrics  prometheus.Registerer
	Now      func() time.Time
}

// Relay turns pending deliveries into signals. Make one with New, run it with Run.
type Relay struct {
	config   Config
	temporal Temporal
	inbox    inbox.Store
	keys     *keyring.Ring
	logger   *zap.Logger
	metrics  *metrics
	now      func() time.Time
	gate     *gate
	budget   *budget
}

// New refuses a Config that does not validate.
func New(config Config, parts Parts) (*Relay, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	r := &Relay{
		config: config.withDefaults(), temporal: parts.Temporal, inbox: parts.Inbox, keys: parts.Keys, logger: parts.Logger, now: parts.Now,
	}
	r.budget = newBudget(r.config.MaxInFlight)
	metrics, err := newMetrics(parts.Metrics, parts.Inbox, parts.Now)
	if err != nil {
		return nil, err
	}
	r.metrics = metrics
	r.gate = newGate(func(ctx context.Context) error { return probe(ctx, parts.Temporal) }, parts.Now, parts.Logger, metrics.hold)
	return r, nil
}

// Check returns why deliveries are held back; nil while they flow.
func (r *Relay) Check(context.Context) error {
	if since, reason := r.gate.shut(); reason != nil {
		return fmt.Errorf("deliveries are held back since %s: %w", since.UTC().Format(time.RFC3339), reason)
	}
	return nil
}

// claimed is a lane on its way through the relay.
type claimed struct {
	inbox.Lane
	// until is when no new signal may be sent, since the lease comes near its end.
	until time.Time
}

// Run claims, sends and settles until ctx ends, and returns when what was under way is settled.
//
// The three steps are a pipeline: while one batch of lanes is being signalled, the next is claimed and the last one settled, each
// settlement taking along whatever else is ready.
func (r *Relay) Run(ctx context.Context) {
	lanes := make(chan claimed, lanesAhead*r.config.Concurrency)
	settlements := make(chan []inbox.Settlement, 2*r.config.Concurrency)
	var senders, settler sync.WaitGroup
	for range r.config.Concurrency {
		senders.Go(func() {
			for lane := range lanes {
				settled := r.handle(ctx, lane)
				r.budget.give(lane.Lane)
				settlements <- settled
			}
		})
	}
	settler.Go(func() { r.settle(ctx, settlements) })
	var beside sync.WaitGroup
	beside.Go(func() { r.keepOptions(ctx) })
	r.claim(ctx, lanes)
	close(lanes)
	senders.Wait()
	close(settlements)
	settler.Wait()
	beside.Wait()
	r.gate.reopening.Wait()
}

// lanesAhead is how many lanes wait for each sender while more are claimed.
const lanesAhead = 2

// claim feeds the senders until ctx ends. What it has claimed by then is passed on all the same; the senders give it back.
func (r *Relay) claim(ctx context.Context, lanes chan<- claimed) {
	poll := time.NewTicker(r.config.PollInterval)
	defer poll.Stop()
	for r.gate.wait(ctx) == nil {
		room, err := r.budget.room(ctx)
		if err != nil {
			return
		}
		now := r.now()
		found, err := r.inbox.Claim(ctx, inbox.ClaimRequest{
			Owner: r.config.Owner, Now: now, Lease: r.config.Lease, MaxLanes: lanesAhead * r.config.Concurrency, MaxPerLane: maxPerLane, MaxBytes: room,
		})
		r.budget.take(found)
		if err != nil && ctx.Err() == nil {
			r.logger.Error("claim deliveries", zap.Error(err))
		}
		for _, lane := range found {
			lanes <- claimed{Lane: lane, until: now.Add(r.config.Lease / 2)}
		}
		if len(found) > 0 {
			continue
		}
		select {
		case <-r.inbox.Wake():
		case <-poll.C:
		case <-ctx.Done():
		}
	}
}

const (
	settleTimeout = 10 * time.Second
	// maxSettlements bounds one transaction of the inbox.
	maxSettlements = 2000
	firstSettle    = 100 * time.Millisecond
	longestSettle  = 5 * time.Second
)

// settle writes what became of the deliveries, as many at a time as are ready. It never gives up while the relay runs: a
// settlement that is lost means a signal that is repeated.
func (r *Relay) settle(ctx context.Context, settlements <-chan []inbox.Settlement) {
	for first := range settlements {
		batch := first
		for len(batch) < maxSettlements && len(settlements) > 0 {
			batch = append(batch, <-settlements...)
		}
		r.settleBatch(ctx, batch)
	}
}

func (r *Relay) settleBatch(ctx context.Context, batch []inbox.Settlement) {
	if len(batch) == 0 {
		return
	}
	for pause := firstSettle; ; pause = min(2*pause, longestSettle) {
		// The end of the relay is no reason to forget what has been sent.
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := r.inbox.Settle(try, inbox.SettleRequest{Owner: r.config.Owner, Now: r.now(), Settlements: batch})
		cancel()
		if err == nil {
			r.metrics.settle(batch)
			return
		}
		stopped := ctx.Err() != nil
		r.logger.Error("settle deliveries", zap.Int("count", len(batch)), zap.Bool("gave_up", stopped), zap.Error(err))
		if stopped || errors.Is(err, inbox.ErrClosed) || errors.Is(err, inbox.ErrInvalid) {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
