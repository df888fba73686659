package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

var (
	// ErrNoVersion says that no worker of the deployment or version has ever polled.
	ErrNoVersion = errors.New("no such version")
	// ErrRefused says that Temporal refuses a change of the routing, such as a ramp of the current version.
	ErrRefused = errors.New("the change is refused")
	// ErrNotPolled says that a task queue has no pollers: none of a version, which then can't become current or ramping, or none at all.
	ErrNotPolled = errors.New("not every task queue is polled")
	// ErrNoTasks says that Temporal gives no tasks to the workers of a version: it is neither current nor ramping nor draining.
	ErrNoTasks = errors.New("workers of this version get no tasks")
)

// VersionState says whether Temporal gives tasks to a version.
type VersionState string

const (
	VersionCurrent VersionState = "current"
	VersionRamping VersionState = "ramping"
	// VersionDraining: it was current or ramping, and workflows may still need it.
	VersionDraining VersionState = "draining"
	// VersionDrained: its workers can be stopped.
	VersionDrained VersionState = "drained"
	// VersionNeverCurrent: its workers get no tasks.
	VersionNeverCurrent VersionState = "never current"
)

// Version is one version of a deployment.
type Version struct {
	BuildID string       `json:"buildId"`
	State   VersionState `json:"state"`
	// RampPercent is the share of workflows that a ramping version gets, 0 to 100.
	RampPercent float32 `json:"rampPercent,omitempty"`
	// Since is when the state began; for a version that was never current, when its first worker polled.
	Since  time.Time     `json:"since"`
	Queues []QueuePolled `json:"queues"`
}

// QueuePolled is a task queue with the number of pollers of a version. Temporal forgets a poller five minutes after its last poll, and counts
// one partition of the queue only: the real number may be higher, but it is 0 only if there are none.
type QueuePolled struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // workflow or activity
	Pollers int    `json:"pollers"`
}

func (q QueuePolled) String() string { return q.Name + " (" + q.Kind + ")" }

// needed returns the queues that the workers of this code poll.
func needed() []QueuePolled {
	return []QueuePolled{
		{Name: workflows.TaskQueueWorkflows, Kind: kindWorkflow},
		{Name: workflows.TaskQueueOffload, Kind: kindActivity},
		{Name: workflows.TaskQueueOffloadPoll, Kind: kindActivity},
		{Name: workflows.TaskQueueFiles, Kind: kindActivity},
		{Name: workflows.TaskQueueCallbacks, Kind: kindActivity},
	}
}

const kindWorkflow, kindActivity = "workflow", "activity"

// Deployment is one worker deployment with its versions.
type Deployment struct {
	temporal  client.Client
	namespace string
	name      string
}

// NewDeployment returns the deployment with this name. It need not exist yet.
func NewDeployment(temporal client.Client, namespace, name string) Deployment {
	return Deployment{temporal, namespace, name}
}

func (d Deployment) handle() client.WorkerDeploymentHandle {
	return d.temporal.WorkerDeploymentClient().GetHandle(d.name)
}

// Versions lists the versions, the newest first. ErrNoVersion: no versioned worker has polled yet.
func (d Deployment) Versions(ctx context.Context) ([]Version, error) {
	described, err := d.handle().Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return nil, d.explain(err, "")
	}
	summaries := described.Info.VersionSummaries
	slices.SortFunc(summaries, func(a, b client.WorkerDeploymentVersionSummary) int { return b.CreateTime.Compare(a.CreateTime) })
	queues := queues{d, map[QueuePolled]*workflowservice.DescribeTaskQueueResponse{}}
	versions := make([]Version, 0, len(summaries))
	for _, summary := range summaries {
		one, err := d.version(ctx, summary.Version.BuildID, queues)
		if errors.Is(err, ErrNoVersion) {
			continue // Temporal has removed it meanwhile
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, one)
	}
	return versions, nil
}

func (d Deployment) version(ctx context.Context, buildID string, queues queues) (Version, error) {
	described, err := d.handle().DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	if err != nil {
		return Version{}, d.explain(err, buildID)
	}
	v := Version{BuildID: buildID}
	v.State, v.Since = stateOf(described.Info)
	if v.State == VersionRamping {
		v.RampPercent = described.Info.RampPercentage
	}
	for _, queue := range described.Info.TaskQueuesInfos {
		polled := QueuePolled{Name: queue.Name, Kind: kindWorkflow}
		switch queue.Type {
		case client.TaskQueueTypeWorkflow:
		case client.TaskQueueTypeActivity:
			polled.Kind = kindActivity
		default:
			continue // Signalbox has no other
		}
		described, err := queues.describe(ctx, polled)
		if err != nil {
			return Version{}, err
		}
		for _, poller := range described.GetPollers() {
			if o := poller.GetDeploymentOptions(); o.GetDeploymentName() == d.name && o.GetBuildId() == buildID {
				polled.Pollers++
			}
		}
		v.Queues = append(v.Queues, polled)
	}
	slices.SortFunc(v.Queues, func(a, b QueuePolled) int { return strings.Compare(a.String(), b.String()) })
	return v, nil
}

// stateOf returns the state of a version and when it began. Temporal shows the drainage only of versions that drain or are drained: a drainage without
// a status is none.
func stateOf(info client.WorkerDeploymentVersionInfo) (VersionState, time.Time) {
	switch drainage := info.DrainageInfo; {
	case !info.CurrentSinceTime.IsZero():
		return VersionCurrent, info.CurrentSinceTime
	case !info.RampingSinceTime.IsZero():
		return VersionRamping, info.RampingSinceTime
	case drainage == nil || drainage.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusUnspecified:
		return VersionNeverCurrent, info.CreateTime
	case drainage.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusDrained:
		return VersionDrained, drainage.LastChangedTime
	default:
		return VersionDraining, drainage.LastChangedTime
	}
}

// explain wraps an error of Temporal with the deployment and with what to do.
func (d Deployment) explain(err error, buildID string) error {
	missing := errors.As(err, new(*serviceerror.NotFound))
	switch {
	case missing && buildID == "":
		return fmt.Errorf("%w: deployment %q has none in namespace %q: start workers with TEMPORAL_WORKER_BUILD_ID, or name another deployment", ErrNoVersion, d.name, d.namespace)
	case missing:
		return fmt.Errorf("%w: deployment %q in namespace %q has no build %q: start its workers, or correct the build ID", ErrNoVersion, d.name, d.namespace, buildID)
	}
	return fmt.Errorf("deployment %q in namespace %q: %w", d.name, d.namespace, err)
}

// queues reads each queue from Temporal once.
type queues struct {
	deployment Deployment
	known      map[QueuePolled]*workflowservice.DescribeTaskQueueResponse
}

func (q queues) describe(ctx context.Context, queue QueuePolled) (*workflowservice.DescribeTaskQueueResponse, error) {
	queue.Pollers = 0
	if described, asked := q.known[queue]; asked {
		return described, nil
	}
	kind := enumspb.TASK_QUEUE_TYPE_WORKFLOW
	if queue.Kind == kindActivity {
		kind = enumspb.TASK_QUEUE_TYPE_ACTIVITY
	}
	described, err := q.deployment.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     q.deployment.namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: queue.Name, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: kind,
	})
	if err != nil {
		return nil, fmt.Errorf("describe task queue %s: %w", queue, err)
	}
	q.known[queue] = described
	return described, nil
}

// CheckPolled fails with ErrNotPolled and the names of the task queues that no worker polls, of any version. A worker that has just stopped counts:
// see QueuePolled.
func CheckPolled(ctx context.Context, temporal client.Client, namespace string) error {
	queues := queues{NewDeployment(temporal, namespace, ""), map[QueuePolled]*workflowservice.DescribeTaskQueueResponse{}}
	var missing []string
	for _, queue := range needed() {
		described, err := queues.describe(ctx, queue)
		if err != nil {
			return err
		}
		if len(described.GetPollers()) == 0 {
			missing = append(missing, queue.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: no worker polls the task queue %s", ErrNotPolled, strings.Join(missing, ", "))
	}
	return nil
}

// CheckGetsTasks returns ErrNoTasks for a version that was never current or that is drained. Temporal does not report this to the workers, which
// wait for ever.
func CheckGetsTasks(ctx context.Context, temporal client.Client, deploymentName, buildID string) error {
	version, err := temporal.WorkerDeploymentClient().GetHandle(deploymentName).
		DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return fmt.Errorf("%w: deployment %q has no version %q yet: none of its workers has polled", ErrNoTasks, deploymentName, buildID)
	case err != nil:
		return fmt.Errorf("describe version %q of deployment %q: %w", buildID, deploymentName, err)
	}
	if state, _ := stateOf(version.Info); state == VersionNeverCurrent || state == VersionDrained {
		return fmt.Errorf("%w: version %q of deployment %q is neither current nor ramping nor draining", ErrNoTasks, buildID, deploymentName)
	}
	return nil
}

// SetCurrentCommand returns the command that makes a version current. The command waits until the version's workers poll every queue.
func SetCurrentCommand(namespace, deploymentName, buildID string) string {
	return fmt.Sprintf("TEMPORAL_NAMESPACE=%q signalbox worker versions set-current --deployment %q %q", namespace, deploymentName, buildID)
}
