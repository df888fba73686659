package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
)

// Ways of acknowledging, as rows of the table.
const (
	rowCeiling    = "echo answering 204, nothing kept"
	rowPlain16    = "echo signalling Temporal in the request"
	rowPlain64    = rowPlain16 + ", more at a time"
	rowAccept     = "Signalbox, durable, Temporal up"
	rowDelivering = "Signalbox, durable, delivering meanwhile"
	rowStopped    = "Signalbox, durable, Temporal stopped"
)

const (
	fewConnections  = 16
	manyConnections = 64
)

// way is a way of acknowledging, and on how many connections.
type way struct {
	name string
	run  func(context.Context, string, load) (Sample, error)
	n    int
}

// measured are the samples that there are.
func measured(samples []Sample) []Sample {
	return slices.DeleteFunc(samples, func(s Sample) bool { return s.Count == 0 })
}

// acks measures each way in turns. Where it breaks off, it returns what was measured beside the error.
func (s *stage) acks(ctx context.Context, o Options) ([]Sample, error) {
	if err := s.startCases(ctx, manyConnections); err != nil {
		return nil, err
	}
	ways := []way{
		{rowCeiling, s.ceiling, manyConnections},
		{rowPlain16, s.plain, fewConnections},
		{rowPlain64, s.plain, manyConnections},
		{rowAccept, s.accept, manyConnections},
		{rowDelivering, s.acceptDelivering, manyConnections},
		{rowStopped, s.acceptStopped, manyConnections},
		{rowStalled, s.acceptBesideStalled, manyConnections},
	}
	locked, err := s.lockedWays(o)
	if err != nil {
		return nil, err
	}
	ways = append(ways, locked...)
	samples := make([]Sample, len(ways))
	for round := range rounds {
		for i, way := range ways {
			o.say("acknowledging, round %d of %d: %s", round+1, rounds, way.name)
			l := load{requests: requests(s.keys, way.n, &s.numbers), until: o.each() / rounds}
			sample, err := way.run(ctx, way.name, l)
			if err != nil {
				return measured(samples), err
			}
			samples[i].Name = way.name
			samples[i].add(sample)
		}
	}
	return samples, nil
}

func (s *stage) ceiling(ctx context.Context, name string, l load) (_ Sample, err error) {
	server, err := servePlain(answerOnly)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	l.address = server.address()
	return l.run(ctx, name)
}

func (s *stage) plain(ctx context.Context, name string, l load) (_ Sample, err error) {
	server, err := servePlain(signalWithin(s.temporal))
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	l.address = server.address()
	return l.run(ctx, name)
}

// accept is the accept path alone: what is stored waits for a relay that does not run.
func (s *stage) accept(ctx context.Context, name string, l load) (Sample, error) {
	return s.acceptWith(ctx, name, l, false)
}

// acceptDelivering has the relay deliver meanwhile, to a Temporal server on the same processors.
func (s *stage) acceptDelivering(ctx context.Context, name string, l load) (Sample, error) {
	return s.acceptWith(ctx, name, l, true)
}

// acceptStopped has the relay run against a server that is not there, and starts the server again afterwards.
func (s *stage) acceptStopped(ctx context.Context, name string, l load) (_ Sample, err error) {
	if err := s.server.Stop(); err != nil {
		return Sample{}, err
	}
	sample, err := s.acceptWith(ctx, name, l, true)
	if err != nil {
		return Sample{}, err
	}
	return sample, s.startServer(ctx)
}

func (s *stage) acceptWith(ctx context.Context, name string, l load, relaying bool) (_ Sample, err error) {
	signalbox, err := startSubject(s.folder, fmt.Sprintf("inbox-%d", s.numbers.Load()), s.keys)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	if relaying {
		if err := signalbox.startRelay(s.temporal); err != nil {
			return Sample{}, err
		}
	}
	l.address = signalbox.address()
	sample, err := l.run(ctx, name)
	if err != nil {
		return sample, err
	}
	return sample, signalbox.requireStored(ctx, sample.Count)
}

// startServer starts the server on its file and address, again if need be.
func (s *stage) startServer(ctx context.Context) error {
	options := s.options
	if s.server != nil {
		options.FrontendAddr = s.server.FrontendAddr()
	}
	server, err := temporaldev.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("temporal server: %w", err)
	}
	s.server = server
	return s.awaitServer(ctx)
}

// awaitServer waits until the client has found the server: its connection backs off while there is none.
func (s *stage) awaitServer(ctx context.Context) error {
	if s.temporal == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := s.temporal.CheckHealth(ctx, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the Temporal server: %w", err)
		case <-again.C:
		}
	}
}
