package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
)

// routed is a Temporal with a deployment.
type routed struct {
	workflowservice.WorkflowServiceClient
	// routing is what the command has made of it, and state is what the server reports as its progress.
	routing *deploymentpb.RoutingConfig
	state   enumspb.RoutingConfigUpdateState
	// shown is what the queues show, and alone is what the queue shows that only build-2 has.
	shown, alone *taskqueuepb.TaskQueueVersioningInfo
	// empty: no version has a queue.
	empty bool
	// refuses is the answer to a ramp.
	refuses error
}

// queueAlone is the queue that only build-2 has.
const queueAlone = "signalbox-new"

func build(id string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: "signalbox", BuildId: id}
}

func (r *routed) DescribeWorkerDeployment(context.Context, *workflowservice.DescribeWorkerDeploymentRequest, ...grpc.CallOption) (*workflowservice.DescribeWorkerDeploymentResponse, error) {
	return &workflowservice.DescribeWorkerDeploymentResponse{WorkerDeploymentInfo: &deploymentpb.WorkerDeploymentInfo{
		RoutingConfig: r.routing, RoutingConfigUpdateState: r.state,
	}}, nil
}

func (r *routed) DescribeTaskQueue(_ context.Context, request *workflowservice.DescribeTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	shown := r.shown
	if request.GetTaskQueue().GetName() == queueAlone {
		shown = r.alone
	}
	return &workflowservice.DescribeTaskQueueResponse{
		Pollers:        []*taskqueuepb.PollerInfo{{DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "signalbox", BuildId: "build-2"}}},
		VersioningInfo: shown,
	}, nil
}

// The client of it has as much of the deployment's handle as a promotion needs.
type (
	routedClient struct {
		client.Client
		service *routed
	}
	routedDeployments struct {
		client.WorkerDeploymentClient
		service *routed
	}
	routedHandle struct {
		client.WorkerDeploymentHandle
		service *routed
	}
)

func (c routedClient) WorkflowService() workflowservice.WorkflowServiceClient { return c.service }
func (c routedClient) WorkerDeploymentClient() client.WorkerDeploymentClient {
	return routedDeployments{service: c.service}
}

func (d routedDeployments) GetHandle(string) client.WorkerDeploymentHandle {
	return routedHandle{service: d.service}
}

// Describe describes the deployment before the command: build-2 is ramping.
func (routedHandle) Describe(context.Context, client.WorkerDeploymentDescribeOptions) (client.WorkerDeploymentDescribeResponse, error) {
	return client.WorkerDeploymentDescribeResponse{Info: client.WorkerDeploymentInfo{RoutingConfig: client.WorkerDeploymentRoutingConfig{
		RampingVersion: &sdkworker.WorkerDeploymentVersion{DeploymentName: "signalbox", BuildID: "build-2"},
	}}}, nil
}

func (h routedHandle) DescribeVersion(_ context.Context, options client.WorkerDeploymentDescribeVersionOptions) (client.WorkerDeploymentVersionDescription, error) {
	if h.service.empty {
		return client.WorkerDeploymentVersionDescription{}, nil
	}
	polled := []client.WorkerDeploymentTaskQueueInfo{{Name: workflows.TaskQueueWorkflows, Type: client.TaskQueueTypeWorkflow}}
	names := []string{workflows.TaskQueueOffload, workflows.TaskQueueOffloadPoll, workflows.TaskQueueFiles, workflows.TaskQueueCallbacks}
	if options.BuildID == "build-2" {
		names = append(names, queueAlone)
	}
	for _, queue := range names {
		polled = append(polled, client.WorkerDeploymentTaskQueueInfo{Name: queue, Type: client.TaskQueueTypeActivity})
	}
	return client.WorkerDeploymentVersionDescription{Info: client.WorkerDeploymentVersionInfo{TaskQueuesInfos: polled}}, nil
}

func (routedHandle) SetCurrentVersion(context.Context, client.WorkerDeploymentSetCurrentVersionOptions) (client.WorkerDeploymentSetCurrentVersionResponse, error) {
	return client.WorkerDeploymentSetCurrentVersionResponse{}, nil
}

func (h routedHandle) SetRampingVersion(context.Context, client.WorkerDeploymentSetRampingVersionOptions) (client.WorkerDeploymentSetRampingVersionResponse, error) {
	return client.WorkerDeploymentSetRampingVersionResponse{}, h.service.refuses
}

func TestARefusedRoutingIsReportedAtOnceUnlessQueuesAreMissing(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]error{
		"requested ramping version signalbox.build-2 is already current":                            worker.ErrRefused,
		"proposed ramping version 'build-2' is missing active task queues from the current version": worker.ErrNotPolled,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			service := &routed{refuses: serviceerror.NewFailedPrecondition(says)}
			err := worker.NewDeployment(routedClient{service: service}, "default", "signalbox").SetRamping(ctx, "build-2", 50)
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, says)
			require.Equal(t, errors.Is(want, worker.ErrRefused), time.Since(began) == 0)
		})
	}
}

func TestANewRoutingIsAwaitedUntilTheTaskQueuesUseIt(t *testing.T) {
	t.Parallel()
	const completed, inProgress = enumspb.ROUTING_CONFIG_UPDATE_STATE_COMPLETED, enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
	setCurrent := func(ctx context.Context, d worker.Deployment) error { return d.SetCurrent(ctx, "build-2") }
	ramp := func(ctx context.Context, d worker.Deployment) error { return d.SetRamping(ctx, "build-2", 50) }
	endRamp := func(ctx context.Context, d worker.Deployment) error { return d.SetRamping(ctx, "build-2", 0) }
	routing := func(current, ramping *deploymentpb.WorkerDeploymentVersion, percent float32) *deploymentpb.RoutingConfig {
		return &deploymentpb.RoutingConfig{CurrentDeploymentVersion: current, RampingDeploymentVersion: ramping, RampingVersionPercentage: percent}
	}
	shows := func(current, ramping *deploymentpb.WorkerDeploymentVersion, percent float32) *taskqueuepb.TaskQueueVersioningInfo {
		return &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: current, RampingDeploymentVersion: ramping, RampingVersionPercentage: percent}
	}
	one, two := build("build-1"), build("build-2")
	current, ramped, ended, none := routing(two, nil, 0), routing(one, two, 50), routing(one, nil, 0), routing(nil, nil, 0)
	for name, c := range map[string]struct {
		change func(context.Context, worker.Deployment) error
		routed
		done bool
	}{
		"Temporal reports it":                        {setCurrent, routed{routing: current, state: completed, shown: shows(one, nil, 0)}, true},
		"Temporal has lost its report":               {setCurrent, routed{routing: current, state: inProgress, shown: shows(two, nil, 0), alone: shows(two, nil, 0)}, true},
		"the queues still use the version before":    {setCurrent, routed{routing: current, state: inProgress, shown: shows(one, nil, 0), alone: shows(two, nil, 0)}, false},
		"a server without reports, its queues unset": {setCurrent, routed{routing: current}, true},

		"a ramp":                           {ramp, routed{routing: ramped, state: inProgress, shown: shows(one, two, 50), alone: shows(nil, two, 50)}, true},
		"a ramp, its queues with less":     {ramp, routed{routing: ramped, state: inProgress, shown: shows(one, two, 10), alone: shows(nil, two, 10)}, false},
		"a ramp, its own queue without it": {ramp, routed{routing: ramped, state: inProgress, shown: shows(one, two, 50)}, false},

		"the end of a ramp":                                {endRamp, routed{routing: ended, state: inProgress, shown: shows(one, nil, 0)}, true},
		"the end of a ramp, its queues with it":            {endRamp, routed{routing: ended, state: inProgress, shown: shows(one, two, 50)}, false},
		"the end of a ramp, its own queue with it":         {endRamp, routed{routing: ended, state: inProgress, shown: shows(one, nil, 0), alone: shows(nil, two, 50)}, false},
		"no current version":                               {endRamp, routed{routing: none, state: inProgress}, true},
		"no current version, the queues with the ramp":     {endRamp, routed{routing: none, state: inProgress, shown: shows(nil, two, 50), alone: shows(nil, two, 50)}, false},
		"no current version, and no queues":                {endRamp, routed{routing: none, state: inProgress, empty: true}, false},
		"no current version, and Temporal reports no ramp": {endRamp, routed{routing: none, state: completed, empty: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := c.change(ctx, worker.NewDeployment(routedClient{service: &c.routed}, "default", "signalbox"))
				if c.done {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, "not all task queues use it yet")
				}
			})
		})
	}
}
