package worker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
)

// routed is a Temporal with a deployment whose current version is build-2. It reports state as the progress of that, and its queues show a version as
// the current one.
type routed struct {
	workflowservice.WorkflowServiceClient
	state enumspb.RoutingConfigUpdateState
	shown string
}

func build(id string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: "signalbox", BuildId: id}
}

func (r *routed) DescribeWorkerDeployment(context.Context, *workflowservice.DescribeWorkerDeploymentRequest, ...grpc.CallOption) (*workflowservice.DescribeWorkerDeploymentResponse, error) {
	return &workflowservice.DescribeWorkerDeploymentResponse{WorkerDeploymentInfo: &deploymentpb.WorkerDeploymentInfo{
		RoutingConfig: &deploymentpb.RoutingConfig{CurrentDeploymentVersion: build("build-2")}, RoutingConfigUpdateState: r.state,
	}}, nil
}

func (r *routed) DescribeTaskQueue(context.Context, *workflowservice.DescribeTaskQueueRequest, ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{
		Pollers:        []*taskqueuepb.PollerInfo{{DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "signalbox", BuildId: "build-2"}}},
		VersioningInfo: &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: build(r.shown)},
	}, nil
}

// The client of it has as much of the deployment's handle as a promotion needs.
type (
	routedClient struct {
		client.Client
		service *routed
	}
	routedDeployments struct{ client.WorkerDeploymentClient }
	routedHandle      struct{ client.WorkerDeploymentHandle }
)

func (c routedClient) WorkflowService() workflowservice.WorkflowServiceClient { return c.service }
func (routedClient) WorkerDeploymentClient() client.WorkerDeploymentClient {
	return routedDeployments{}
}

func (routedDeployments) GetHandle(string) client.WorkerDeploymentHandle { return routedHandle{} }

func (routedHandle) Describe(context.Context, client.WorkerDeploymentDescribeOptions) (client.WorkerDeploymentDescribeResponse, error) {
	return client.WorkerDeploymentDescribeResponse{}, nil
}

func (routedHandle) DescribeVersion(context.Context, client.WorkerDeploymentDescribeVersionOptions) (client.WorkerDeploymentVersionDescription, error) {
	polled := []client.WorkerDeploymentTaskQueueInfo{{Name: workflows.TaskQueueWorkflows, Type: client.TaskQueueTypeWorkflow}}
	for _, queue := range []string{workflows.TaskQueueOffload, workflows.TaskQueueOffloadPoll, workflows.TaskQueueFiles, workflows.TaskQueueCallbacks} {
		polled = append(polled, client.WorkerDeploymentTaskQueueInfo{Name: queue, Type: client.TaskQueueTypeActivity})
	}
	return client.WorkerDeploymentVersionDescription{Info: client.WorkerDeploymentVersionInfo{TaskQueuesInfos: polled}}, nil
}

func (routedHandle) SetCurrentVersion(context.Context, client.WorkerDeploymentSetCurrentVersionOptions) (client.WorkerDeploymentSetCurrentVersionResponse, error) {
	return client.WorkerDeploymentSetCurrentVersionResponse{}, nil
}

func TestANewRoutingIsAwaitedUntilTheTaskQueuesUseIt(t *testing.T) {
	t.Parallel()
	const completed, inProgress = enumspb.ROUTING_CONFIG_UPDATE_STATE_COMPLETED, enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
	for name, c := range map[string]struct {
		routed
		done bool
	}{
		"Temporal reports it":                        {routed{state: completed, shown: "build-1"}, true},
		"Temporal has lost its report":               {routed{state: inProgress, shown: "build-2"}, true},
		"the queues still use the version before":    {routed{state: inProgress, shown: "build-1"}, false},
		"a server without reports, its queues unset": {routed{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := worker.NewDeployment(routedClient{service: &c.routed}, "default", "signalbox").SetCurrent(ctx, "build-2")
				if c.done {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, "not all task queues use it yet")
				}
			})
		})
	}
}
