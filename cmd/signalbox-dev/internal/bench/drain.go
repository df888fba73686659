package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Ways of draining, as rows of the table.
const (
	rowBare    = "bare SignalWorkflow, one event for each workflow"
	rowRelay   = "relay, one event for each workflow"
	rowRelayed = "relay, ten events for each workflow"
)

// drains compares the relay with bare signals, in turns: the same events, to the same workflows, as many at a time, on one server.
func (s *stage) drains(ctx context.Context, o Options) ([]Sample, error) {
	o.say("starting %d workflows", o.Deliveries)
	if err := s.startCases(ctx, o.Deliveries); err != nil {
		return nil, err
	}
	bare, relayed, together := Sample{Name: rowBare}, Sample{Name: rowRelay}, Sample{Name: rowRelayed}
	for round := range rounds {
		o.say("draining, round %d of %d", round+1, rounds)
		for _, way := range []struct {
			into *Sample
			run  func() (Sample, error)
		}{
			{&bare, func() (Sample, error) { return s.bareSignals(ctx, o.Deliveries) }},
			{&relayed, func() (Sample, error) { return s.drain(ctx, o.Deliveries, o.Deliveries) }},
			{&together, func() (Sample, error) { return s.drain(ctx, o.Deliveries, max(1, o.Deliveries/10)) }},
		} {
			sample, err := way.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way.into.Name, err)
			}
			way.into.add(sample)
		}
	}
	return []Sample{bare, relayed, together}, nil
}

// bareSignals signals each workflow once.
func (s *stage) bareSignals(ctx context.Context, count int) (Sample, error) {
	var next atomic.Int64
	waits := make([][]time.Duration, manyConnections)
	failures := make([]error, manyConnections)
	began, usedBefore := now(), processorTime()
	var senders sync.WaitGroup
	for i := range manyConnections {
		senders.Go(func() {
			for failures[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= count {
					return
				}
				at := now()
				failures[i] = s.signal(ctx, n)
				waits[i] = append(waits[i], now().Sub(at))
			}
		})
	}
	senders.Wait()
	sample := Sample{Connections: manyConnections, Count: count, took: now().Sub(began), cpu: processorTime() - usedBefore}
	for _, w := range waits {
		sample.all = append(sample.all, w...)
	}
	return sample, errors.Join(failures...)
}

// signal sends what the relay would: the same event, parsed from the same body.
func (s *stage) signal(ctx context.Context, n int) error {
	id := inbox.NewID(now())
	parsed, err := offload.Parse(body(reference(n)), workflows.EventMeta{DeliveryID: id, DedupeKey: id, ReceivedAt: now()})
	if err != nil {
		return err
	}
	return s.temporal.SignalWorkflow(ctx, workflows.OffloadCaseWorkflowID(reference(n)), "", workflows.SignalOffloadEvents, []workflows.CaseEvent{parsed.Event})
}

// drain has the ingress take in count events for so many workflows, and measures how long the relay then takes until all are settled.
// What each one waited says nothing in a backlog, so only the rate is kept.
func (s *stage) drain(ctx context.Context, count, lanes int) (_ Sample, err error) {
	signalbox, err := startSubject(s.folder, fmt.Sprintf("inbox-%d", s.numbers.Load()), s.keys)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	if err := s.fill(ctx, signalbox, count, lanes); err != nil {
		return Sample{}, err
	}
	began, usedBefore := now(), processorTime()
	if err := signalbox.startRelay(s.temporal); err != nil {
		return Sample{}, err
	}
	if err := signalbox.awaitDelivered(ctx, int64(count)); err != nil {
		return Sample{}, err
	}
	return Sample{Connections: manyConnections, Count: count, took: now().Sub(began), cpu: processorTime() - usedBefore}, nil
}

// fill posts the events lane after lane, as they would have come.
func (s *stage) fill(ctx context.Context, signalbox *subject, count, lanes int) error {
	c, err := dial(ctx, signalbox.address())
	if err != nil {
		return err
	}
	// Nothing is lost with this connection.
	defer func() { _ = c.conn.Close() }()
	prepared := make([]request, lanes)
	for i := range prepared {
		prepared[i] = caseRequest(s.keys, i, &s.numbers)
	}
	for n := range count {
		if err := c.post(prepared[n%lanes]); err != nil {
			return err
		}
	}
	return signalbox.requireStored(ctx, count)
}

// awaitDelivered waits until so many deliveries are settled as delivered.
func (s *subject) awaitDelivered(ctx context.Context, count int64) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		counts, err := s.inbox.Counts(ctx, inbox.StateDelivered)
		if err != nil {
			return err
		}
		if counts[inbox.StateDelivered] >= count {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %d deliveries, have %v: %w", count, counts, ctx.Err())
		case <-again.C:
		}
	}
}
