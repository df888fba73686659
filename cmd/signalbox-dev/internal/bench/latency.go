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

// Ways to the workflow, as rows of the table.
const (
	rowBareCall = "bare SignalWorkflow: call returns"
	rowBareHas  = "bare SignalWorkflow: workflow code has it"
	rowSentAck  = "Signalbox: post begins, acknowledged"
	rowSentCall = "Signalbox: post begins, signal is accepted"
	rowSentHas  = "Signalbox: post begins, workflow code has it"
)

// latencyRate is how many events are sent in a second, both ways together in turns.
const latencyRate = 20

// latency measures how long an event takes to a workflow at a quiet pace, with a worker that runs the workflow.
func (s *stage) latency(ctx context.Context, o Options) (_ []Sample, err error) {
	o.say("measuring the way to the workflow at %d events per second", latencyRate)
	heard := &listener{waiting: map[string]chan time.Time{}}
	lane, stopWorker, err := s.startListener(ctx, heard)
	if err != nil {
		return nil, err
	}
	defer stopWorker()
	signalbox, err := s.startSubject(ctx, s.newInbox)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	if err := signalbox.startRelay(&timedTemporal{Client: s.temporal, heard: heard}); err != nil {
		return nil, err
	}
	c, err := loadtest.Dial(ctx, signalbox.address())
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it

	event := loadtest.ForCase(s.keys, lane, &s.numbers)
	samples := []Sample{{Name: rowBareCall}, {Name: rowBareHas}, {Name: rowSentAck}, {Name: rowSentCall}, {Name: rowSentHas}}
	waits := make([][]time.Duration, len(samples))
	pace := time.NewTicker(time.Second / latencyRate)
	defer pace.Stop()
	began := now()
	for n := 0; n < 2 || now().Sub(began) < 2*o.each(); n++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-pace.C:
		}
		if n%2 == 0 {
			err = s.timeSignal(ctx, lane, heard, waits[:2])
		} else {
			err = timePost(ctx, c, event, heard, waits[2:])
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

// timeSignal adds how long the call took, and until workflow code had the event.
func (s *stage) timeSignal(ctx context.Context, lane int, heard *listener, waits [][]time.Duration) error {
	id := inbox.NewID(now())
	received := heard.expect(id)
	began := now()
	event := workflows.CaseEvent{EventMeta: workflows.EventMeta{DeliveryID: id, DedupeKey: id, Kind: workflows.KindCaseInputNeeded, ReceivedAt: began}}
	err := s.temporal.SignalWorkflow(ctx, workflows.OffloadCaseWorkflowID(loadtest.Reference(lane)), "", workflows.SignalOffloadEvents, []workflows.CaseEvent{event})
	if err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	waits[0] = append(waits[0], now().Sub(began))
	return keepWhen(ctx, received, began, &waits[1])
}

// timePost adds how long it took until the answer, until the server had accepted the signal, and until workflow code had the event.
func timePost(ctx context.Context, c *loadtest.Client, event loadtest.Request, heard *listener, waits [][]time.Duration) error {
	signalled, received := heard.expect(signalAccepted), heard.expect(anyDelivery)
	began := now()
	if err := c.Post(event); err != nil {
		return err
	}
	waits[0] = append(waits[0], now().Sub(began))
	return errors.Join(keepWhen(ctx, signalled, began, &waits[1]), keepWhen(ctx, received, began, &waits[2]))
}

func keepWhen(ctx context.Context, happened <-chan time.Time, began time.Time, into *[]time.Duration) error {
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

// listener is notified when something expected happens.
type listener struct {
	mu      sync.Mutex
	waiting map[string]chan time.Time
}

func (l *listener) expect(name string) <-chan time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	happened := make(chan time.Time, 1)
	l.waiting[name] = happened
	return happened
}

// hear reports the first expected name, if any. A repeated workflow task reports a name again, which has no effect.
func (l *listener) hear(names ...string) {
	at := now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if happened, expected := l.waiting[name]; expected {
			delete(l.waiting, name)
			happened <- at
			return
		}
	}
}

// timedTemporal tells when the server has accepted the relay's signal.
type timedTemporal struct {
	sdk.Client
	heard *listener
}

func (t *timedTemporal) SignalWorkflow(ctx context.Context, workflowID, runID, name string, arg any) error {
	err := t.Client.SignalWorkflow(ctx, workflowID, runID, name, arg)
	if err == nil {
		t.heard.hear(signalAccepted)
	}
	return err
}

// latencyQueue is not Signalbox's: there, the cases of the other measurements would be run as well.
const latencyQueue = "signalbox-bench-latency"

// startListener runs a workflow that does nothing but receive events, in the lane of a case that no other measurement uses.
func (s *stage) startListener(ctx context.Context, heard *listener) (lane int, stop func(), err error) {
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
				heard.hear(e.DeliveryID, anyDelivery)
			}
		}
	}, workflow.RegisterOptions{Name: workflowType})
	if err := w.Start(); err != nil {
		return 0, nil, fmt.Errorf("start worker: %w", err)
	}
	lane = s.started
	s.started++
	_, err = s.temporal.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(loadtest.Reference(lane)), TaskQueue: latencyQueue,
	}, workflowType)
	if err != nil {
		w.Stop()
		return 0, nil, fmt.Errorf("start workflow: %w", err)
	}
	return lane, w.Stop, nil
}
