package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	sdk "go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// fleet is a whole Signalbox with its open cases: Temporal, the simulated Offload, ingress and relay in this process, the worker in another.
type fleet struct {
	server    *temporaldev.Server
	temporal  sdk.Client
	receiving *subject
	providers *sim.Providers
	apps      *signalbox.Client
	worker    *workerProcess
	cases     []openCase
	started   int
}

type openCase struct {
	*signalbox.Case
	caseID string
}

func (s *stage) startFleet(ctx context.Context, name string, cache int) (_ *fleet, err error) {
	f := &fleet{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	folder := filepath.Join(s.folder, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	f.server, err = temporaldev.Start(ctx, temporaldev.Options{
		DatabaseFile: filepath.Join(folder, "temporal.db"), SearchAttributes: worker.SearchAttributes(),
	})
	if err != nil {
		return nil, fmt.Errorf("temporal server: %w", err)
	}
	if f.temporal, err = f.server.Dial(ctx); err != nil {
		return nil, err
	}
	f.receiving, err = s.startSubject(ctx, func(ctx context.Context) (inbox.Store, error) {
		return sqlite.Open(ctx, filepath.Join(folder, "inbox.db"), sqlite.Options{})
	})
	if err != nil {
		return nil, err
	}
	if err := f.receiving.startRelay(f.temporal); err != nil {
		return nil, err
	}
	const key = "bench"
	public := "http://" + f.receiving.address()
	if f.providers, err = sim.Start(sim.Options{Listen: "127.0.0.1:0", PublicURL: public, OffloadKey: key, AgentSecret: key}); err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	if f.apps, err = signalbox.New(f.temporal, signalbox.Options{Keyring: s.keys, PublicURL: public}); err != nil {
		return nil, err
	}
	f.worker, err = startWorker(workerSettings{
		Temporal: f.server.FrontendAddr(), Offload: f.providers.OffloadURL(), OffloadKey: key, PublicURL: public, Keyring: s.keyring(), Cache: cache,
	})
	return f, err
}

func (f *fleet) close() error {
	var problems []error
	if f.worker != nil {
		problems = append(problems, f.worker.stop())
	}
	if f.providers != nil {
		problems = append(problems, f.providers.Stop())
	}
	if f.receiving != nil {
		problems = append(problems, f.receiving.close())
	}
	if f.temporal != nil {
		f.temporal.Close()
	}
	if f.server != nil {
		problems = append(problems, f.server.Stop())
	}
	return errors.Join(problems...)
}

// startCases starts cases, some at once, and returns when Offload has made all of them.
func (f *fleet) startCases(ctx context.Context, count, atOnce int) ([]openCase, error) {
	started := make([]openCase, count)
	group, starting := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range started {
		reference := fmt.Sprintf("open-%06d", f.started+i)
		group.Go(func() (err error) {
			started[i], err = f.startCase(starting, reference)
			return err
		})
	}
	f.started += count
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("start cases: %w", err)
	}
	return started, nil
}

func (f *fleet) startCase(ctx context.Context, reference string) (openCase, error) {
	const most, every = 2 * time.Minute, 20 * time.Millisecond
	one, err := f.apps.StartCase(ctx, workflows.CaseStart{
		Reference: reference,
		// A read would be work beside what is measured.
		Options: workflows.CaseOptions{ReconcileAfter: workflows.Duration(30 * 24 * time.Hour)},
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty: workflows.Counterparty{Address: "manual@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	})
	if err != nil {
		return openCase{}, err
	}
	var state workflows.CaseState
	err = await(ctx, "the creation of "+reference, most, every, func(ctx context.Context) (bool, error) {
		if state, err = one.State(ctx); err == nil && state.Status == workflows.CaseCreateUncertain {
			err = f.decide(ctx, one)
		}
		return state.Status == workflows.CaseRunning && state.CaseID != "", err
	})
	return openCase{Case: one, caseID: state.CaseID}, err
}

// decide does what a person does about an uncertain creation: on a busy machine the Temporal server can lose the start of an activity.
func (f *fleet) decide(ctx context.Context, one *signalbox.Case) error {
	if made := f.providers.Offload.CasesOf(one.Reference()); len(made) > 0 {
		_, err := one.Adopt(ctx, workflows.AdoptCase{CaseID: made[0].CaseID, By: "bench"})
		return err
	}
	_, err := one.RetryCreate(ctx, workflows.RetryCreate{By: "bench"})
	return err
}
