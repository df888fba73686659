package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/loadtest"
)

// The variants of acknowledging, as rows of the table.
const (
	rowCeiling    = "echo answering 204, nothing kept"
	rowPlain16    = "echo signalling Temporal in the request"
	rowPlain64    = rowPlain16 + ", more at a time"
	rowAccept     = "Signalbox, durable, Temporal up"
	rowDelivering = "Signalbox, durable, delivering meanwhile"
	rowStopped    = "Signalbox, durable, Temporal stopped"
	rowStalled    = "Signalbox, durable, beside 1,000 stalled senders"
	rowPostgres   = "Signalbox, PostgreSQL"
	rowLocked     = "Signalbox, PostgreSQL, beside a locked lane"
)

const fewConnections, manyConnections, stalledSenders = 16, 64, 1000

// acknowledge sends a load to something.
type acknowledge func(context.Context, loadtest.Load) (loadtest.Result, error)

// variant is how webhooks are acknowledged, and on how many connections.
type variant struct {
	name        string
	run         acknowledge
	connections int
}

// acks measures the variants in turn. If it fails, it returns what was measured, and the error.
func (s *stage) acks(ctx context.Context, o Options) ([]Sample, error) {
	if err := s.startCases(ctx, manyConnections); err != nil {
		return nil, err
	}
	variants := []variant{
		{rowCeiling, s.plain(answerOnly), manyConnections},
		{rowPlain16, s.plain(signalWithin(s.temporal)), fewConnections},
		{rowPlain64, s.plain(signalWithin(s.temporal)), manyConnections},
		{rowAccept, s.signalbox(s.newInbox, nil), manyConnections},
		{rowDelivering, s.signalbox(s.newInbox, s.relaying), manyConnections},
		{rowStopped, s.signalbox(s.newInbox, s.stopped), manyConnections},
		{rowStalled, s.signalbox(s.newInbox, stalled), manyConnections},
	}
	inPostgres, err := s.postgresVariants(o)
	if err != nil {
		return nil, err
	}
	variants = append(variants, inPostgres...)
	samples := make([]Sample, len(variants))
	for round := range rounds {
		for i, variant := range variants {
			o.say("acknowledging, round %d of %d: %s", round+1, rounds, variant.name)
			result, err := variant.run(ctx, loadtest.Load{Requests: loadtest.ForCases(s.keys, variant.connections, &s.numbers), Until: o.each() / rounds})
			if err != nil {
				return slices.DeleteFunc(samples, func(s Sample) bool { return s.Count == 0 }), fmt.Errorf("%s: %w", variant.name, err)
			}
			samples[i].Name = variant.name
			samples[i].add(result)
		}
	}
	return samples, nil
}

// background starts something that happens while Signalbox acknowledges, and returns what ends it.
type background func(context.Context, *receiver) (end func() error, err error)

// signalbox measures Signalbox with an inbox, and requires that the inbox holds what was acknowledged.
func (s *stage) signalbox(open openInbox, start background) acknowledge {
	return func(ctx context.Context, l loadtest.Load) (_ loadtest.Result, err error) {
		on, err := s.startReceiver(ctx, open)
		if err != nil {
			return loadtest.Result{}, err
		}
		defer func() { err = errors.Join(err, on.close()) }()
		if start != nil {
			end, err := start(ctx, on)
			if err != nil {
				return loadtest.Result{}, err
			}
			defer func() { err = errors.Join(err, end()) }()
		}
		before, err := on.stored(ctx)
		if err != nil {
			return loadtest.Result{}, err
		}
		l.Address = on.address()
		result, err := l.Run(ctx)
		if err != nil {
			return result, err
		}
		return result, on.requireStored(ctx, before+int64(result.Count))
	}
}

// relaying has the relay deliver meanwhile, to a Temporal server on the same processors.
func (s *stage) relaying(_ context.Context, on *receiver) (func() error, error) {
	return func() error { return nil }, on.startRelay(s.temporal)
}

// stopped has the relay run against a server that is not there, and starts the server again afterwards.
func (s *stage) stopped(ctx context.Context, on *receiver) (func() error, error) {
	err := errors.Join(s.server.Stop(), on.startRelay(s.temporal))
	return func() error {
		on.endRelay()
		return s.startServer(ctx)
	}, err
}

// stalled has senders to an agent that does not exist stall in the middle of a body.
func stalled(ctx context.Context, on *receiver) (func() error, error) {
	end, err := loadtest.Stall(ctx, on.address(), stalledSenders)
	return func() error { end(); return nil }, err
}
