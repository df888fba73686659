package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Rows of the table about open cases.
const (
	rowFilled  = "cases started until twice the worker's cache are open"
	rowOpened  = "cases started until all are open"
	rowAmidFew = "webhook among few open cases: sent, the app has the outcome"
	rowAmidAll = "webhook among all open cases: sent, the app has the outcome"
)

// openRounds multiplies Options.Seconds: each webhook is followed by the start of another case, which is not measured.
const openRounds = 4

// open measures how long a webhook takes while few cases are open and while many more are open than a worker keeps in memory, in turns. Each number of
// cases has its own Temporal server, ingress and worker; each worker is a process, whose memory is measured after a garbage collection.
func (s *stage) open(ctx context.Context, o Options) (_ []Sample, err error) {
	few, err := s.startFleet(ctx, "few", o.WorkflowCache)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, few.close()) }()
	all, err := s.startFleet(ctx, "all", o.WorkflowCache)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, all.close()) }()

	filled, opened := Sample{Name: rowFilled}, Sample{Name: rowOpened}
	amidFew, amidAll := Sample{Name: rowAmidFew}, Sample{Name: rowAmidAll}
	if err := few.open(ctx, o, o.FewCases, nil); err != nil {
		return nil, err
	}
	if err := all.open(ctx, o, 2*o.WorkflowCache, &filled); err != nil {
		return nil, err
	}
	if err := all.open(ctx, o, o.OpenCases, &opened); err != nil {
		return nil, err
	}

	o.say("ending one of %d and one of %d open cases by a webhook, in turns", o.FewCases, o.OpenCases)
	began := now()
	for n := 0; n < 2 || now().Sub(began) < openRounds*o.each(); n++ {
		turns := []struct {
			fleet *fleet
			into  *Sample
		}{{few, &amidFew}, {all, &amidAll}}
		if n%2 == 1 { // neither is always the first
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			took, err := turn.fleet.endOne(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", turn.into.Name, err)
			}
			turn.into.add(loadtest.Result{Connections: 1, Count: 1, Took: took, Waits: []time.Duration{took}})
		}
	}
	if amidFew.Memory, err = few.worker.memory(); err == nil {
		amidAll.Memory, err = all.worker.memory()
	}
	return []Sample{filled, opened, amidFew, amidAll}, err
}

// open starts cases until so many are open, and measures that.
func (f *fleet) open(ctx context.Context, o Options, count int, into *Sample) error {
	const atOnce = 8
	o.say("opening %d cases", count)
	began, missing := now(), count-len(f.cases)
	started, err := f.startCases(ctx, missing, atOnce)
	if err != nil {
		return err
	}
	f.cases = append(f.cases, started...)
	if into == nil {
		return nil
	}
	into.add(loadtest.Result{Connections: atOnce, Count: missing, Took: now().Sub(began)})
	into.Memory, err = f.worker.memory()
	return err
}

// endOne has Offload end a case, chosen at random, and returns the time until the app has the outcome. Another case is then opened in its place.
func (f *fleet) endOne(ctx context.Context) (took time.Duration, err error) {
	const most = time.Minute
	i := rand.IntN(len(f.cases))
	ending := f.cases[i]
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	began := now()
	if err := f.providers.Offload.Fail(ending.caseID, offloadsim.ResultMaxRetries, ""); err != nil {
		return 0, err
	}
	outcome, err := ending.Wait(waiting)
	took = now().Sub(began)
	if err == nil && (outcome.Status != workflows.CaseFailed || outcome.Source != workflows.NewsByWebhook) {
		err = fmt.Errorf("case %s: ended %s by %s, want %s by %s", ending.Reference(), outcome.Status, outcome.Source, workflows.CaseFailed, workflows.NewsByWebhook)
	}
	if err != nil {
		return 0, err
	}
	another, err := f.startCases(ctx, 1, 1)
	if err == nil {
		f.cases[i] = another[0]
	}
	return took, err
}
