package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// stage is what all measurements share: the server, a client of it, keys, a folder, and workflows to be signalled.
type stage struct {
	folder   string
	keys     *keyring.Ring
	server   *temporaldev.Server
	temporal sdk.Client
	// numbers makes each event another one.
	numbers atomic.Int64
	started int
	// stopDatabase ends the run's own PostgreSQL; nil where there is none.
	stopDatabase func() error
}

func newStage(ctx context.Context, folder string) (_ *stage, err error) {
	s := &stage{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.keys, err = keyring.Generate(); err != nil {
		return nil, err
	}
	if err := s.startServer(ctx); err != nil {
		return nil, err
	}
	s.temporal, err = s.server.Dial(ctx)
	return s, err
}

func (s *stage) close() error {
	var problems []error
	if s.stopDatabase != nil {
		problems = append(problems, s.stopDatabase())
	}
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.server != nil {
		problems = append(problems, s.server.Stop())
	}
	return errors.Join(problems...)
}

// startServer starts the server on its file and address, again if need be, and waits until the client has found it: its connection backs
// off while there is none.
func (s *stage) startServer(ctx context.Context) error {
	options := temporaldev.Options{DatabaseFile: filepath.Join(s.folder, "temporal.db"), SearchAttributes: worker.SearchAttributes()}
	if s.server != nil {
		options.FrontendAddr = s.server.FrontendAddr()
	}
	server, err := temporaldev.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("temporal server: %w", err)
	}
	s.server = server
	if s.temporal == nil {
		return nil
	}
	return await(ctx, "the Temporal server", time.Minute, 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		_, err := s.temporal.CheckHealth(ctx, nil)
		return err == nil, err
	})
}

// startCases makes sure that so many workflows exist. No worker runs them; a signal needs none. It waits until the server has made them
// visible, which it does later and by itself: that work would slow down what is measured next.
func (s *stage) startCases(ctx context.Context, count int) error {
	const starters = 16
	group, starting := errgroup.WithContext(ctx)
	group.SetLimit(starters)
	for n := s.started; n < count && starting.Err() == nil; n++ {
		group.Go(func() error {
			_, err := s.temporal.ExecuteWorkflow(starting, sdk.StartWorkflowOptions{
				ID: workflows.OffloadCaseWorkflowID(loadtest.Reference(n)), TaskQueue: workflows.TaskQueueWorkflows,
			}, workflows.OffloadCaseWorkflow, workflows.CaseStart{Reference: loadtest.Reference(n), CaseID: loadtest.CaseID})
			return err
		})
	}
	s.started = max(s.started, count)
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return fmt.Errorf("start workflows: %w", err)
	}
	return await(ctx, fmt.Sprintf("%d visible workflows", s.started), 2*time.Minute, 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		counted, err := s.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{})
		return counted.GetCount() >= int64(s.started), err
	})
}

// await asks again and again until it is done, at most for a while. An error counts only where the last question ends with it.
func await(ctx context.Context, what string, most, every time.Duration, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		is, err := done(ctx)
		if err == nil && is {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}
