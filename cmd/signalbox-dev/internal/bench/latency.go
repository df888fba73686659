package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdk "go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Rows of the table: from where to where an event is timed.
const (
	rowBareCall         = "bare SignalWorkflow: call returns"
	rowBareReceived     = "bare SignalWorkflow: workflow received it"
	rowPostAcknowledged = "Signalbox: post until acknowledged"
	rowPostSignalled    = "Signalbox: post until signal accepted"
	rowPostReceived     = "Signalbox: post until workflow received it"
)

// latencyRate is the number of events per second; bare signals and posts alternate.
const latencyRate = 20

// latency measures how long an event takes to a workflow at a low rate, with a worker that runs the workflow.
func (s *stage) latency(ctx context.Context, o Options) (_ []Sample, err error) {
	o.say("measuring the latency to the workflow at %d events per second", latencyRate)
	arrived := &arrivals{waiting: map[string]chan time.Time{}}
	n, stopWorker, err := s.startListener(ctx, arrived)
	if err != nil {
		return nil, err
	}
	defer stopWorker()
	signalbox, err := s.startReceiver(ctx, s.newInbox)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	if err := signalbox.startRelay(&timedTemporal{Client: s.temporal, arrived: arrived}); err != nil {
		return nil, err
	}
	c, err := loadtest.Dial(ctx, signalbox.address())
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it

	event := loadtest.ForCase(s.keys, n, &s.numbers)
	samples := []Sample{{Name: rowBareCall}, {Name: rowBareReceived}, {Name: rowPostAcknowledged}, {Name: rowPostSignalled}, {Name: rowPostReceived}}
	waits := make([][]time.Duration, len(samples))
	pace := time.NewTicker(time.Second / latencyRate)
	defer pace.Stop()
	began := now()
	for i := 0; i < 2 || now().Sub(began) < 2*o.each(); i++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-pace.C:
		}
		if i%2 == 0 {
			err = s.timeSignal(ctx, n, arrived, waits[:2])
		} else {
			err = timePost(ctx, c, event, arrived, waits[2:])
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range samples {
		samples[i].add(loadtest.Result{Connections: 1, Count: len(waits[i]), Took: now().Sub(began), Waits: waits[i]})
	}
	return samples, nil
}

// timeSignal adds how long the call took, and how long until the workflow received the event.
func (s *stage) timeSignal(ctx context.Context, n int, arrived *arrivals, waits [][]time.Duration) error {
	id := inbox.NewID(now())
	received := arrived.expect(id)
	began := now()
	event := workflows.CaseEvent{EventMeta: workflows.EventMeta{DeliveryID: id, DedupeKey: id, Kind: workflows.KindCaseInputNeeded, ReceivedAt: began}}
	err := s.temporal.SignalWorkflow(ctx, workflows.OffloadCaseWorkflowID(loadtest.Reference(n)), "", workflows.SignalOffloadEvents, []workflows.CaseEvent{event})
	if err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	waits[0] = append(waits[0], now().Sub(began))
	return appendWait(ctx, received, began, &waits[1])
}

// timePost adds how long it took until the answer, until the server had accepted the signal, and until the workflow received the event.
func timePost(ctx context.Context, c *loadtest.Client, event loadtest.Request, arrived *arrivals, waits [][]time.Duration) error {
	signalled, received := arrived.expect(signalAccepted), arrived.expect(anyDelivery)
	began := now()
	if err := c.Post(event); err != nil {
		return err
	}
	waits[0] = append(waits[0], now().Sub(began))
	return errors.Join(appendWait(ctx, signalled, began, &waits[1]), appendWait(ctx, received, began, &waits[2]))
}

func appendWait(ctx context.Context, happened <-chan time.Time, began time.Time, into *[]time.Duration) error {
	const most = 30 * time.Second
	select {
	case at := <-happened:
		*into = append(*into, at.Sub(began))
		return nil
	case <-time.After(most):
		return fmt.Errorf("an event did not reach the workflow within %s", most)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Names of what is expected beside delivery IDs: one post is under way at a time, and its delivery ID is not known to the sender.
const (
	signalAccepted = "signal accepted"
	anyDelivery    = "any other delivery"
)

// arrivals tells when something expected happens.
type arrivals struct {
	mu      sync.Mutex
	waiting map[string]chan time.Time
}

func (a *arrivals) expect(name string) <-chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	happened := make(chan time.Time, 1)
	a.waiting[name] = happened
	return happened
}

// record reports the first expected name, if any. A repeated workflow task reports a name again, which has no effect.
func (a *arrivals) record(names ...string) {
	at := now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range names {
		if happened, expected := a.waiting[name]; expected {
			delete(a.waiting, name)
			happened <- at
			return
		}
	}
}

// timedTemporal tells when the server has accepted the relay's signal.
type timedTemporal struct {
	sdk.Client
	arrived *arrivals
}

func (t *timedTemporal) SignalWorkflow(ctx context.Context, workflowID, runID, name string, arg any) error {
	err := t.Client.SignalWorkflow(ctx, workflowID, runID, name, arg)
	if err == nil {
		t.arrived.record(signalAccepted)
	}
	return err
}

// latencyQueue is not Signalbox's own task queue: a worker there would also run the cases of the other measurements.
const latencyQueue = "signalbox-bench-latency"

// startListener runs a workflow that does nothing but receive events, as a case that no other measurement uses; n is its number.
func (s *stage) startListener(ctx context.Context, arrived *arrivals) (n int, stop func(), err error) {
	const workflowType = "bench-listener"
	w := sdkworker.New(s.temporal, latencyQueue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		events := workflow.GetSignalChannel(ctx, workflows.SignalOffloadEvents)
		for {
			var list []workflows.CaseEvent
			events.Receive(ctx, &list)
			if workflow.IsReplaying(ctx) {
				continue
			}
			for _, e := range list {
				arrived.record(e.DeliveryID, anyDelivery)
			}
		}
	}, workflow.RegisterOptions{Name: workflowType})
	if err := w.Start(); err != nil {
		return 0, nil, fmt.Errorf("start worker: %w", err)
	}
	n = s.started
	s.started++
	_, err = s.temporal.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(loadtest.Reference(n)), TaskQueue: latencyQueue,
	}, workflowType)
	if err != nil {
		w.Stop()
		return 0, nil, fmt.Errorf("start workflow: %w", err)
	}
	return n, w.Stop, nil
}
