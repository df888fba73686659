// Package worker registers the workflows and activities of Signalbox by the names of the contract and runs them: one Temporal worker for each
// task queue. It reads no environment and contains no rules of providers.
package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/archive"
	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/activities/offload"
	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
)

// Options are the activities and limits of the workers. Offload, Archive and Notice are required; the zero value of another field means its
// default.
type Options struct {
	// Offload are the activities that call Offload.
	Offload *offload.Activities
	// Archive are the activities that put files into the bucket. They are required even without a bucket, and then fail with ArchiveNoBucket.
	Archive *archive.Activities
	// Notice are the activities that deliver notices.
	Notice *notice.Activities
	// OffloadCallsPerSecond limits the calls to Offload, without polling, over all workers of the namespace: the server enforces it. 0 means
	// no limit.
	OffloadCallsPerSecond float64
	// OffloadReadsPerSecond is the same for polling.
	OffloadReadsPerSecond float64
	// WorkflowCache is how many workflows all workers of the process keep in memory together. 0 leaves it unchanged.
	WorkflowCache int
	// BuildID turns worker versioning on; the workers are then that version of the deployment DeploymentName. Empty: no versioning.
	DeploymentName, BuildID string
	// Started is called when all workers poll. It may be nil.
	Started func()
}

// StopTimeout is how long a stop waits for running activities. It exceeds the timeout of a call to Offload: after a cut call it would be
// uncertain whether the case was created.
const StopTimeout = offloadapi.DefaultTimeout + 5*time.Second

const pollersPerQueue = 10

// filesAtOnce bounds the downloads of one process: each takes a connection, and its size on the disk.
const filesAtOnce = 8

// Workers are the workers of all task queues.
type Workers struct {
	workers []sdkworker.Worker
	fatal   chan error
	started func()
}

// New registers all workflows and activities. Run starts them.
func New(temporal client.Client, options Options) *Workers {
	w := &Workers{fatal: make(chan error, 1), started: options.Started}
	if options.WorkflowCache > 0 {
		// The SDK reads the size when the process creates its first worker.
		sdkworker.SetStickyWorkflowCacheSize(options.WorkflowCache)
	}

	workflowWorker := w.add(temporal, options, workflows.TaskQueueWorkflows, sdkworker.Options{
		DisableRegistrationAliasing: true,
		// This worker runs the local activities and takes no activity tasks.
		LocalActivityWorkerOnly: true,
	})
	options.Notice.Register(workflowWorker)
	options.Offload.RegisterLocal(workflowWorker)
	register := func(name string, workflowFunc any) {
		workflowWorker.RegisterWorkflowWithOptions(workflowFunc, workflow.RegisterOptions{Name: name, VersioningBehavior: versioning(options)})
	}
	register(workflows.OffloadCaseWorkflow, offloadcase.Workflow)
	register(workflows.ArtmailActivationWorkflow, artmailactivation.Workflow)
	register(workflows.OffloadFilesWorkflow, offloadfiles.Workflow)
	register(workflows.NotifyWorkflow, notify.Workflow)

	calls := w.add(temporal, options, workflows.TaskQueueOffload, sdkworker.Options{
		DisableWorkflowWorker:        true,
		TaskQueueActivitiesPerSecond: options.OffloadCallsPerSecond,
	})
	options.Offload.Register(calls)

	reads := w.add(temporal, options, workflows.TaskQueueOffloadPoll, sdkworker.Options{
		DisableWorkflowWorker:        true,
		TaskQueueActivitiesPerSecond: options.OffloadReadsPerSecond,
	})
	options.Offload.Register(reads)

	files := w.add(temporal, options, workflows.TaskQueueFiles, sdkworker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: filesAtOnce,
	})
	options.Archive.Register(files)

	callbacks := w.add(temporal, options, workflows.TaskQueueCallbacks, sdkworker.Options{DisableWorkflowWorker: true})
	options.Notice.Register(callbacks)
	return w
}

func (w *Workers) add(temporal client.Client, options Options, taskQueue string, o sdkworker.Options) sdkworker.Worker {
	o.WorkerStopTimeout = StopTimeout
	// The SDK's default of two pollers limits throughput while the CPU is idle. The number is fixed: with the autoscaling of SDK 1.50, a poll
	// could be cancelled while the server recorded the start of a task, and that task was lost until its timeout.
	pollers := sdkworker.NewPollerBehaviorSimpleMaximum(sdkworker.PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: pollersPerQueue})
	o.WorkflowTaskPollerBehavior = pollers
	o.ActivityTaskPollerBehavior = pollers
	o.OnFatalError = func(err error) {
		select {
		case w.fatal <- fmt.Errorf("worker of task queue %s: %w", taskQueue, err):
		default: // one error is enough to stop
		}
	}
	if options.BuildID != "" {
		o.DeploymentOptions = sdkworker.DeploymentOptions{
			UseVersioning: true,
			Version:       sdkworker.WorkerDeploymentVersion{DeploymentName: options.DeploymentName, BuildID: options.BuildID},
		}
	}
	added := sdkworker.New(temporal, taskQueue, o)
	w.workers = append(w.workers, added)
	return added
}

// versioning returns auto-upgrade if versioning is on: a case or an activation outlives many releases, so it moves to the newest one. Changes
// of workflow code are made so that they replay.
func versioning(options Options) workflow.VersioningBehavior {
	if options.BuildID == "" {
		return workflow.VersioningBehaviorUnspecified
	}
	return workflow.VersioningBehaviorAutoUpgrade
}

// Run runs the workers until ctx ends or a worker fails, and then waits for running activities. Call it once: to try again, make new Workers.
func (w *Workers) Run(ctx context.Context) error {
	var started []sdkworker.Worker
	defer func() { stop(started) }()
	for _, one := range w.workers {
		if err := one.Start(); err != nil {
			return fmt.Errorf("start worker: %w", err)
		}
		started = append(started, one)
	}
	if w.started != nil {
		w.started()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-w.fatal:
		return err
	}
}

// stop stops all workers at the same time, since each may wait for its activities.
func stop(workers []sdkworker.Worker) {
	var all sync.WaitGroup
	for _, one := range workers {
		all.Go(one.Stop)
	}
	all.Wait()
}
