package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Rows of the table for an outage.
const (
	rowAwayFirst  = "Signalbox, Temporal away: the first tenth"
	rowAwayLast   = "Signalbox, Temporal away: the last tenth"
	rowAfterwards = "relay, after the outage"
	rowBareAfter  = "bare SignalWorkflow, one event for each workflow"
)

// Away is an outage of the Temporal server: what was acknowledged meanwhile, and how it was drained afterwards.
type Away struct {
	Acks   []Sample `json:"acks"`
	Drains []Sample `json:"drains"`
	// Signals is how many the relay sent, Disordered how many events came to their workflow before an earlier one, or again.
	Signals    int `json:"signals"`
	Disordered int `json:"disordered"`
}

// awaySlices is in how many loads the events are posted, each to other cases than the one before.
const awaySlices = 40

// away acknowledges many events while the server is stopped, starts it again, and has everything drained. Each case gets its events
// from one connection at a time, so that their numbers say their order.
func (s *stage) away(ctx context.Context, o Options) (_ *Away, err error) {
	if o.Away == 0 {
		return nil, nil
	}
	o.say("starting %d workflows", o.Deliveries)
	if err := s.startCases(ctx, o.Deliveries); err != nil {
		return nil, err
	}
	signalbox, err := startSubject(s.folder, "inbox-away", s.keys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	watch := &orderly{Client: s.temporal, last: map[string]int64{}}
	if err := signalbox.startRelay(watch); err != nil {
		return nil, err
	}
	if err := s.server.Stop(); err != nil {
		return nil, err
	}
	o.say("acknowledging %d events while Temporal is away", o.Away)
	first, last := Sample{Name: rowAwayFirst}, Sample{Name: rowAwayLast}
	connections := min(manyConnections, o.Deliveries)
	for slice := range awaySlices {
		list := make([][]request, connections)
		for i := range list {
			list[i] = []request{caseRequest(s.keys, (slice*connections+i)%o.Deliveries, &s.numbers)}
		}
		sample, err := load{address: signalbox.address(), requests: list, count: max(1, o.Away/awaySlices)}.run(ctx, rowAwayFirst)
		if err != nil {
			return nil, err
		}
		switch {
		case slice < awaySlices/10:
			first.add(sample)
		case slice >= awaySlices-awaySlices/10:
			last.add(sample)
		}
	}
	count := max(1, o.Away/awaySlices) * awaySlices
	if err := signalbox.requireStored(ctx, count); err != nil {
		return nil, err
	}
	o.say("Temporal comes back: draining %d events", count)
	usedBefore := processorTime()
	if err := s.startServer(ctx); err != nil {
		return nil, err
	}
	if err := signalbox.awaitDelivered(ctx, int64(count)); err != nil {
		return nil, err
	}
	drained := Sample{Name: rowAfterwards}
	drained.add(Sample{Connections: manyConnections, Count: count, took: now().Sub(watch.began), cpu: processorTime() - usedBefore})
	bare := Sample{Name: rowBareAfter}
	sample, err := s.bareSignals(ctx, o.Deliveries)
	if err != nil {
		return nil, err
	}
	bare.add(sample)
	return &Away{Acks: []Sample{first, last}, Drains: []Sample{drained, bare}, Signals: watch.signals, Disordered: watch.disordered}, nil
}

// orderly is a client that looks at the order of what the server accepts.
type orderly struct {
	sdk.Client

	mu                  sync.Mutex
	last                map[string]int64
	began               time.Time
	signals, disordered int
}

func (c *orderly) SignalWorkflow(ctx context.Context, workflowID, runID, name string, arg any) error {
	began := now()
	if err := c.Client.SignalWorkflow(ctx, workflowID, runID, name, arg); err != nil {
		return err
	}
	events, ok := arg.([]any)
	if !ok {
		return fmt.Errorf("the relay signalled a %T", arg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.signals++; c.signals == 1 {
		c.began = began
	}
	for _, e := range events {
		event, ok := e.(workflows.CaseEvent)
		number, err := strconv.ParseInt(event.DedupeKey[strings.LastIndexByte(event.DedupeKey, '_')+1:], 10, 64)
		if !ok || err != nil || number <= c.last[workflowID] {
			c.disordered++
		}
		c.last[workflowID] = max(c.last[workflowID], number)
	}
	return nil
}
