package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows"
)

// The variants of draining, as rows of the table.
const (
	rowBareSignals    = "bare SignalWorkflow, one event for each workflow"
	rowRelayOneEvent  = "relay, one event for each workflow"
	rowRelayTenEvents = "relay, ten events for each workflow"
)

// drains compares the relay with bare signals, in turns, on one server: as many events, to the same workflows. A third row shows the relay with
// ten events for each workflow.
func (s *stage) drains(ctx context.Context, o Options) ([]Sample, error) {
	o.say("starting %d workflows", o.Deliveries)
	if err := s.startCases(ctx, o.Deliveries); err != nil {
		return nil, err
	}
	bare, oneEvent, tenEvents := Sample{Name: rowBareSignals}, Sample{Name: rowRelayOneEvent}, Sample{Name: rowRelayTenEvents}
	for round := range rounds {
		o.say("draining, round %d of %d", round+1, rounds)
		for _, variant := range []struct {
			into *Sample
			run  func() (loadtest.Result, error)
		}{
			{&bare, func() (loadtest.Result, error) { return s.bareSignals(ctx, o.Deliveries) }},
			{&oneEvent, func() (loadtest.Result, error) { return s.drain(ctx, o.Deliveries, o.Deliveries) }},
			{&tenEvents, func() (loadtest.Result, error) { return s.drain(ctx, o.Deliveries, max(1, o.Deliveries/10)) }},
		} {
			result, err := variant.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", variant.into.Name, err)
			}
			variant.into.add(result)
		}
	}
	return []Sample{bare, oneEvent, tenEvents}, nil
}

// bareSignals signals each workflow once, many at a time.
func (s *stage) bareSignals(ctx context.Context, count int) (loadtest.Result, error) {
	waits := make([]time.Duration, count)
	group, signalling := errgroup.WithContext(ctx)
	group.SetLimit(manyConnections)
	began, usedBefore := now(), loadtest.ProcessorTime()
	for n := range count {
		group.Go(func() error {
			at := now()
			defer func() { waits[n] = now().Sub(at) }()
			return s.signal(signalling, n)
		})
	}
	err := group.Wait()
	return loadtest.Result{Connections: manyConnections, Count: count, Took: now().Sub(began), CPU: loadtest.ProcessorTime() - usedBefore, Waits: waits}, err
}

// signal sends what the relay would: the same event, parsed from the same body.
func (s *stage) signal(ctx context.Context, n int) error {
	id := inbox.NewID(now())
	parsed, err := offload.Parse(loadtest.Body(loadtest.Reference(n)), workflows.EventMeta{DeliveryID: id, DedupeKey: id, ReceivedAt: now()})
	if err != nil {
		return err
	}
	return s.temporal.SignalWorkflow(ctx, workflows.OffloadCaseWorkflowID(loadtest.Reference(n)), "", workflows.SignalOffloadEvents, []workflows.CaseEvent{parsed.Event})
}

// drain posts count events for lanes workflows to the ingress, and then measures how long the relay takes to deliver all. It keeps only the rate:
// how long one event waits in a backlog depends on the backlog.
func (s *stage) drain(ctx context.Context, count, lanes int) (_ loadtest.Result, err error) {
	signalbox, err := s.startReceiver(ctx, s.newInbox)
	if err != nil {
		return loadtest.Result{}, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	if err := s.fill(ctx, signalbox, count, lanes); err != nil {
		return loadtest.Result{}, err
	}
	began, usedBefore := now(), loadtest.ProcessorTime()
	if err := signalbox.startRelay(s.temporal); err != nil {
		return loadtest.Result{}, err
	}
	// Each call reads all rows: more frequent calls would use noticeable processor time.
	err = await(ctx, fmt.Sprintf("%d delivered events", count), 5*time.Minute, 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		counts, err := signalbox.inbox.Counts(ctx, inbox.StateDelivered)
		return counts[inbox.StateDelivered] >= int64(count), err
	})
	if err != nil {
		return loadtest.Result{}, err
	}
	return loadtest.Result{Connections: manyConnections, Count: count, Took: now().Sub(began), CPU: loadtest.ProcessorTime() - usedBefore}, nil
}

// fill posts count events, one to each lane in turn.
func (s *stage) fill(ctx context.Context, signalbox *receiver, count, lanes int) error {
	c, err := loadtest.Dial(ctx, signalbox.address())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it
	prepared := make([]loadtest.Request, lanes)
	for i := range prepared {
		prepared[i] = loadtest.ForCase(s.keys, i, &s.numbers)
	}
	for n := range count {
		if err := c.Post(prepared[n%lanes]); err != nil {
			return err
		}
	}
	return signalbox.requireStored(ctx, int64(count))
}
