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
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// stage is what all measurements share: the server, a client of it, keys, a folder, and workflows to be signalled.
type stage struct {
	folder   string
	keys     *keyring.Ring
	options  temporaldev.Options
	server   *temporaldev.Server
	temporal sdk.Client
	// numbers makes each event another one.
	numbers atomic.Int64
	started int
	// stopDatabase ends the run's own PostgreSQL; nil where there is none.
	stopDatabase func() error
}

func newStage(ctx context.Context, folder string) (*stage, error) {
	return newStageOn(ctx, folder, filepath.Join(folder, "temporal.db"))
}

// newStageOn has the server's database in the file, or in memory where there is none.
func newStageOn(ctx context.Context, folder, database string) (_ *stage, err error) {
	s := &stage{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.keys, err = keyring.Generate(); err != nil {
		return nil, err
	}
	s.options = temporaldev.Options{DatabaseFile: database, SearchAttributes: worker.SearchAttributes()}
	if err := s.startServer(ctx); err != nil {
		return nil, err
	}
	if s.temporal, err = s.server.Dial(ctx); err != nil {
		return nil, err
	}
	return s, nil
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

// startCases makes sure that so many workflows exist. No worker runs them; a signal needs none.
func (s *stage) startCases(ctx context.Context, count int) error {
	err := s.startUpTo(ctx, count, func(ctx context.Context, n int) error {
		_, err := s.temporal.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{
			ID: workflows.OffloadCaseWorkflowID(reference(n)), TaskQueue: workflows.TaskQueueWorkflows,
		}, workflows.OffloadCaseWorkflow, workflows.CaseStart{Reference: reference(n), CaseID: caseID})
		return err
	})
	if err != nil {
		return fmt.Errorf("start workflows: %w", err)
	}
	return s.awaitVisible(ctx)
}

// startUpTo starts those of so many that were not started before, some at a time.
func (s *stage) startUpTo(ctx context.Context, count int, start func(ctx context.Context, n int) error) error {
	const starters = 16
	group, starting := errgroup.WithContext(ctx)
	group.SetLimit(starters)
	for n := s.started; n < count && starting.Err() == nil; n++ {
		group.Go(func() error { return start(starting, n) })
	}
	s.started = max(s.started, count)
	return errors.Join(group.Wait(), ctx.Err())
}

// awaitVisible waits until the server has written down what it does after a start on its own time; it would weigh on whatever is measured
// next.
func (s *stage) awaitVisible(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		counted, err := s.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{})
		if err == nil && counted.GetCount() >= int64(s.started) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %d workflows are visible: %w", s.started, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}
