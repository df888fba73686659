package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"
)

const promotePause = 500 * time.Millisecond

// SetCurrent gives all new and running workflows to a build. First it waits, until ctx ends, for the build's workers to poll every queue that
// they need: a task in a queue without a poller would wait for ever. It fails with ErrNotPolled or ErrNoVersion if they still do not, and at
// once with ErrRefused if Temporal refuses the change for another reason. It returns once
// every task queue uses the new routing: until then, tasks still go to the version before.
func (d Deployment) SetCurrent(ctx context.Context, buildID string) error {
	return d.whenPolled(ctx, buildID, func() error {
		_, err := d.handle().SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
		return err
	})
}

// SetRamping gives a share of the workflows to a build, 0 to 100 percent. It waits as SetCurrent does. 0 ends the ramp, without a wait for pollers.
func (d Deployment) SetRamping(ctx context.Context, buildID string, percent float32) error {
	if percent == 0 {
		return d.endRamp(ctx, buildID)
	}
	return d.whenPolled(ctx, buildID, func() error {
		_, err := d.handle().SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: buildID, Percentage: percent})
		return err
	})
}

// endRamp ends a ramp without a wait for pollers, because the workers may be gone.
func (d Deployment) endRamp(ctx context.Context, buildID string) error {
	described, err := d.handle().Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return d.explain(err, "")
	}
	ramping := described.Info.RoutingConfig.RampingVersion
	if ramping == nil || ramping.BuildID != buildID {
		return fmt.Errorf("%w: build %q of deployment %q is not ramping", ErrNoVersion, buildID, d.name)
	}
	// An empty build ID means that no version is ramping.
	if _, err := d.handle().SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{ConflictToken: described.ConflictToken}); err != nil {
		return d.explain(err, buildID)
	}
	return d.awaitRouting(ctx, buildID)
}

// whenPolled changes the routing once the build's workers poll every queue. Temporal checks that too, and may refuse for a moment after the
// first poll; whenPolled then tries again.
func (d Deployment) whenPolled(ctx context.Context, buildID string, change func() error) error {
	again := time.NewTicker(promotePause)
	defer again.Stop()
	var missing error
	for {
		err := d.polled(ctx, buildID)
		if err == nil {
			err = d.refused(change(), buildID)
		}
		switch {
		case errors.Is(err, ErrNotPolled), errors.Is(err, ErrNoVersion):
			missing = err
		case ctx.Err() != nil && missing != nil:
			return missing
		case err != nil:
			return err
		default:
			return d.awaitRouting(ctx, buildID)
		}
		select {
		case <-ctx.Done():
			return missing
		case <-again.C:
		}
	}
}

// doneReads is the number of reads in a row that must show a change before it counts as done without a report from Temporal.
const doneReads = 10

// awaitRouting waits until all task queues use the newest routing, which has changed for a build: until Temporal reports it, or until the
// queues have shown it in doneReads reads in a row. A server up to 1.32 can lose the report of a version that comes while the change is being
// recorded; the progress then stays "in progress" until that version is deleted. Older servers report no progress: their queues are not asked, and
// the routing counts as changed after doneReads reads.
func (d Deployment) awaitRouting(ctx context.Context, buildID string) error {
	again := time.NewTicker(promotePause)
	defer again.Stop()
	for done := 0; ; {
		described, err := d.temporal.WorkflowService().DescribeWorkerDeployment(ctx, &workflowservice.DescribeWorkerDeploymentRequest{
			Namespace: d.namespace, DeploymentName: d.name,
		})
		info := described.GetWorkerDeploymentInfo()
		shown := err == nil
		switch {
		case err != nil:
		case info.GetRoutingConfigUpdateState() == enumspb.ROUTING_CONFIG_UPDATE_STATE_COMPLETED:
			return nil
		case info.GetRoutingConfigUpdateState() == enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS:
			shown, err = d.queuesShow(ctx, info.GetRoutingConfig(), buildID)
		}
		if done++; !shown {
			done = 0
		}
		if done == doneReads {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("deployment %q: the routing has changed, but not all task queues use it yet: %w", d.name, errors.Join(ctx.Err(), err))
		case <-again.C:
		}
	}
}

// queuesShow reports whether all queues show the routing: the queues of the current version show it as current, those of the ramping version show
// its ramp, and those of a build that is no longer current or ramping do not show that build. It reports false if there is no queue to ask.
func (d Deployment) queuesShow(ctx context.Context, routing *deploymentpb.RoutingConfig, buildID string) (bool, error) {
	current, ramping := routing.GetCurrentDeploymentVersion(), routing.GetRampingDeploymentVersion()
	expected := map[string]func(*taskqueuepb.TaskQueueVersioningInfo) bool{
		buildID: func(info *taskqueuepb.TaskQueueVersioningInfo) bool {
			return info.GetCurrentDeploymentVersion().GetBuildId() != buildID && info.GetRampingDeploymentVersion().GetBuildId() != buildID
		},
	}
	if current != nil { // else the workers without versions are current
		expected[current.GetBuildId()] = func(info *taskqueuepb.TaskQueueVersioningInfo) bool {
			return proto.Equal(info.GetCurrentDeploymentVersion(), current) && (ramping != nil || info.GetRampingDeploymentVersion() == nil)
		}
	}
	if ramping != nil {
		expected[ramping.GetBuildId()] = func(info *taskqueuepb.TaskQueueVersioningInfo) bool {
			return proto.Equal(info.GetRampingDeploymentVersion(), ramping) && info.GetRampingVersionPercentage() == routing.GetRampingVersionPercentage()
		}
	}
	queues := queues{d, map[QueuePolled]*workflowservice.DescribeTaskQueueResponse{}}
	for buildID, asExpected := range expected {
		one, err := d.version(ctx, buildID, queues)
		if err != nil {
			return false, err
		}
		for _, queue := range one.Queues {
			described, err := queues.describe(ctx, queue)
			if err != nil || !asExpected(described.GetVersioningInfo()) {
				return false, err
			}
		}
	}
	return len(queues.known) > 0, nil
}

// refused explains why Temporal did not change the routing. Only task queues that the build does not poll yet are worth waiting for; their error
// has no type.
func (d Deployment) refused(err error, buildID string) error {
	refusal, isRefusal := errors.AsType[*serviceerror.FailedPrecondition](err)
	switch {
	case err == nil:
		return nil
	case !isRefusal:
		return d.explain(err, buildID)
	case strings.Contains(refusal.Message, "task queues"):
		return fmt.Errorf("%w: Temporal refuses build %q of deployment %q: %w", ErrNotPolled, buildID, d.name, err)
	}
	return fmt.Errorf("%w: build %q of deployment %q: %w", ErrRefused, buildID, d.name, err)
}

// polled fails with ErrNotPolled and the names of the queues while the build does not poll all queues of the current version; without a
// current version, all queues of this code.
func (d Deployment) polled(ctx context.Context, buildID string) error {
	queues := queues{d, map[QueuePolled]*workflowservice.DescribeTaskQueueResponse{}}
	next, err := d.version(ctx, buildID, queues)
	if err != nil {
		return err
	}
	described, err := d.handle().Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return d.explain(err, "")
	}
	want := needed()
	if current := described.Info.RoutingConfig.CurrentVersion; current != nil {
		// Another release may have other queues. Each queue of the current version needs a poller.
		one, err := d.version(ctx, current.BuildID, queues)
		if err != nil {
			return err
		}
		want = one.Queues
	}
	var missing []string
	for _, queue := range want {
		if !slices.ContainsFunc(next.Queues, func(q QueuePolled) bool { return q.Name == queue.Name && q.Kind == queue.Kind && q.Pollers > 0 }) {
			missing = append(missing, queue.String())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: build %q of deployment %q has no worker on %s: start its workers, or wait until they run",
			ErrNotPolled, buildID, d.name, strings.Join(missing, ", "))
	}
	return nil
}
