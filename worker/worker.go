package worker

import (
	"context"
	"errors"
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

// Options say what runs and how fast. The zero value of each field but Offload, Archive and Notice means its default.
type Options struct {
	// Offload are the activities that call Offload.
	Offload *offload.Activities
	// Archive are the activities that put files into the bucket. They are there without a bucket too: then they say so.
	Archive *archive.Activities
	// Notice are the activities that pass notices on.
	Notice *notice.Activities
	// OffloadReadsPerSecond limits polling, OffloadCallsPerSecond the other calls: each over all workers of the namespace, kept by the server.
	// Zero: no limit.
	OffloadCallsPerSecond float64
	OffloadReadsPerSecond float64
	// WorkflowCache is how many workflows the process keeps in memory, shared by all workers in it. Zero: as the process has it.
	WorkflowCache int
	// BuildID turns worker versioning on; DeploymentName is the deployment that it is a version of.
	DeploymentName, BuildID string
	// Started is called when all workers poll. It may be nil.
	Started func()
}

// StopTimeout is how long a stop waits for running activities. It exceeds the time of a call to Offload: a creation that is cut could not
// be told from one that came to nothing.
const StopTimeout = offloadapi.DefaultTimeout + 5*time.Second

const pollersPerQueue = 10

// filesAtOnce bounds what one process downloads: each file takes a connection and its size in the folder for files under way.
const filesAtOnce = 8

// Workers are the workers of all task queues.
type Workers struct {
	workers []sdkworker.Worker
	fatal   chan error
	started func()
}

// New registers everything; nothing runs yet.
func New(temporal client.Client, options Options) *Workers {
	w := &Workers{fatal: make(chan error, 1), started: options.Started}
	if options.WorkflowCache > 0 {
		// The SDK reads it when the first worker of a process is made.
		sdkworker.SetStickyWorkflowCacheSize(options.WorkflowCache)
	}

	decisions := w.add(temporal, options, workflows.TaskQueueWorkflows, sdkworker.Options{
		DisableRegistrationAliasing: true,
		// It runs the hand-off of notices and the check of results, and takes no activity tasks.
		LocalActivityWorkerOnly: true,
	})
	options.Notice.Register(decisions)
	options.Offload.RegisterLocal(decisions)
	decisions.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{
		Name:               workflows.OffloadCaseWorkflow,
		VersioningBehavior: versioning(options),
	})
	decisions.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{
		Name:               workflows.ArtmailActivationWorkflow,
		VersioningBehavior: versioning(options),
	})
	decisions.RegisterWorkflowWithOptions(offloadfiles.Workflow, workflow.RegisterOptions{
		Name:               workflows.OffloadFilesWorkflow,
		VersioningBehavior: versioning(options),
	})
	decisions.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{
		Name:               workflows.NotifyWorkflow,
		VersioningBehavior: versioning(options),
	})

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

	deliveries := w.add(temporal, options, workflows.TaskQueueFiles, sdkworker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: filesAtOnce,
	})
	options.Archive.Register(deliveries)

	callbacks := w.add(temporal, options, workflows.TaskQueueCallbacks, sdkworker.Options{DisableWorkflowWorker: true})
	options.Notice.Register(callbacks)
	return w
}

func (w *Workers) add(temporal client.Client, options Options, taskQueue string, o sdkworker.Options) sdkworker.Worker {
	o.WorkerStopTimeout = StopTimeout
	// The SDK's two pollers bound a drain long before the processor does. Their number is fixed: the autoscaling behaviour of SDK 1.50 was
	// seen to cancel polls while the server recorded the start of a task, which then was lost until its timeout.
	pollers := sdkworker.NewPollerBehaviorSimpleMaximum(sdkworker.PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: pollersPerQueue})
	o.WorkflowTaskPollerBehavior = pollers
	o.ActivityTaskPollerBehavior = pollers
	o.OnFatalError = func(err error) {
		select {
		case w.fatal <- fmt.Errorf("worker of task queue %s: %w", taskQueue, err):
		default: // one is enough to stop
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

// versioning: a case or an activation outlives many releases, so it moves to the newest and relies on changes that replay.
func versioning(options Options) workflow.VersioningBehavior {
	if options.BuildID == "" {
		return workflow.VersioningBehaviorUnspecified
	}
	return workflow.VersioningBehaviorAutoUpgrade
}

// ErrNotStarted says that Temporal could not be reached when the workers began. Others may be made and tried again.
var ErrNotStarted = errors.New("workers did not start")

// Run works until ctx ends or a worker can't go on, and then waits for what is under way. Workers run once.
func (w *Workers) Run(ctx context.Context) error {
	var started []sdkworker.Worker
	defer func() { stop(started) }()
	for _, one := range w.workers {
		if err := one.Start(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotStarted, err)
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

// stop stops all at once, since each may wait for its activities.
func stop(workers []sdkworker.Worker) {
	var all sync.WaitGroup
	for _, one := range workers {
		all.Go(one.Stop)
	}
	all.Wait()
}
