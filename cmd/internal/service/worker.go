package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/activities/offload"
	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/worker"
)

// workerPart is the worker part of a process: the workers of every task queue.
type workerPart struct {
	config   config.Config
	temporal temporalNeeds
	log      *zap.Logger
	offload  *offload.Activities
	files    *files
	notices  *notice.Activities
	open     *openWork

	mu sync.Mutex
	// problem is why the workers do not run; nil while they run.
	problem error
}

var errNotStarted = &health.Problem{Text: "the workers have not started yet", Fix: "see the checks of Temporal, its search attributes and the bucket", Follows: true}

func newWorkers(
	s Settings, temporal client.Client, accounts map[string]*offloadapi.Client, registry prometheus.Registerer, traces *telemetry.Traces,
) (*workerPart, error) {
	w := &workerPart{
		config: s.Config, temporal: temporalNeeds{temporal, s.Temporal.Namespace, s.Temporal.HostPort}, log: s.Log,
		problem: errNotStarted,
		open:    &openWork{temporal: temporal, namespace: s.Temporal.Namespace, log: s.Log.Named("open-work"), now: now, states: map[string]stateRead{}},
	}
	err := registry.Register(w.open)
	if err != nil {
		return nil, fmt.Errorf("register metrics of open work: %w", err)
	}
	w.offload, err = offload.New(offload.Config{Accounts: accounts, Keys: s.Keyring, PublicURL: s.Config.PublicURL, Now: now})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	if w.notices, err = notice.New(noticeConfig(s.Config, temporal, traces)); err != nil {
		return nil, fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	w.files = &files{settings: s, provider: w.offload}
	return w, nil
}

// noticeConfig returns the configuration of the notice activities.
func noticeConfig(c config.Config, temporal client.Client, traces *telemetry.Traces) notice.Config {
	n := notice.Config{
		Temporal: temporal, Now: now, Transport: traces.Transport,
		Callbacks: make(map[string]notice.Callback, len(c.Callbacks)),
		Accounts:  make(map[string][]string, len(c.Accounts)),
		Agents:    make(map[string]notice.Agent, len(c.Agents)),
	}
	for name, callback := range c.Callbacks {
		n.Callbacks[name] = notice.Callback{URL: callback.URL, Secrets: callback.Secrets, AllowPrivate: callback.AllowPrivate}
	}
	for name, account := range c.Accounts {
		n.Accounts[name] = account.Notify
	}
	for name, agent := range c.Agents {
		n.Agents[name] = notice.Agent{Notify: agent.Notify, HandOver: agent.HandOver}
	}
	return n
}

// checks returns the checks of the workers.
func (w *workerPart) checks() []health.Check {
	checks := []health.Check{{Name: "search_attributes", Probe: w.temporal.searchAttributes}}
	if w.config.Bucket != "" {
		checks = append(checks, health.Check{Name: "bucket", Probe: w.files.check})
	}
	checks = append(checks, health.Check{Name: "workers", Probe: func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.problem
	}})
	if w.config.BuildID != "" {
		checks = append(checks, health.Check{Name: "worker_version", Probe: w.checkVersion})
	}
	return checks
}

func (w *workerPart) checkVersion(ctx context.Context) error {
	err := worker.CheckGetsTasks(ctx, w.temporal.client, w.config.DeploymentName, w.config.BuildID)
	switch {
	case errors.Is(err, worker.ErrNoTasks):
		return &health.Problem{
			Text: fmt.Sprintf("Temporal gives no tasks to version %q of deployment %q", w.config.BuildID, w.config.DeploymentName),
			Fix:  "run `" + worker.SetCurrentCommand(w.temporal.namespace, w.config.DeploymentName, w.config.BuildID) + "`", Cause: err,
		}
	case err != nil:
		return &health.Problem{Text: "the worker's version can't be checked", Fix: "see the check of Temporal", Cause: err, Follows: true}
	}
	return nil
}

// lasting is how long workers must run before a failure starts again with the first pause.
const lasting = time.Minute

// run runs the workers until ctx ends. It waits for everything that is missing and starts failed workers again; only a wrong setting is an error.
func (w *workerPart) run(ctx context.Context) error {
	defer w.close()
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop() // a wrong setting ends the reading too
	reading.Go(func() { w.open.run(ctx) })
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		began := now()
		err := w.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, setting.ErrWrong):
			return err
		case now().Sub(began) > lasting:
			pause = firstPause
		}
		if !health.Sleep(ctx, health.Jitter(pause)) {
			return nil
		}
	}
}

// once runs the workers if all their dependencies are available.
func (w *workerPart) once(ctx context.Context) error {
	// Before Temporal is asked, so that a wrong setting is found while Temporal is away.
	if err := w.files.open(ctx); err != nil {
		problem := errNotStarted
		_ = errors.As(err, &problem) // of the folder for downloads, which has no check, or of a disk that hangs
		w.set(problem)
		return err
	}
	if err := w.temporal.searchAttributes(ctx); err != nil {
		w.set(errNotStarted)
		return err
	}
	err := worker.New(w.temporal.client, worker.Options{
		Offload: w.offload, Archive: w.files.activities, Notice: w.notices, WorkflowCache: w.config.WorkflowCache,
		DeploymentName: w.config.DeploymentName, BuildID: w.config.BuildID,
		OffloadCallsPerSecond: w.config.OffloadCallsPerSecond, OffloadReadsPerSecond: w.config.OffloadReadsPerSecond,
		Started: func() {
			w.set(nil)
			w.log.Info("workers run", zap.String("namespace", w.temporal.namespace))
		},
	}).Run(ctx)
	if err != nil {
		w.set(&health.Problem{Text: "the workers do not run", Fix: "wait: Signalbox starts them again; the log says why they ended", Cause: err})
	}
	return err
}

func (w *workerPart) set(problem error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problem = problem
}

func (w *workerPart) close() {
	w.files.close()
	w.notices.Close()
}
