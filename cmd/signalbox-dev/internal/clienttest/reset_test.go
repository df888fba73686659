package clienttest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// firstTask is the event that completes the first task of a workflow: started, scheduled, task started, task completed.
const firstTask = 4

// afterFirstTask waits until the workflow has taken its first step: what is signalled then comes after it.
func afterFirstTask(t *testing.T, workflowID string) *client.WorkflowExecutionDescription {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (*client.WorkflowExecutionDescription, error) {
		return shared.DescribeWorkflow(ctx, workflowID, "")
	}, func(d *client.WorkflowExecutionDescription) bool { return d.HistoryLength >= firstTask })
}

// reset replaces the newest run by one that begins after its first task, without the signals that came since.
func reset(t *testing.T, workflowID string) {
	t.Helper()
	described := afterFirstTask(t, workflowID)
	request := &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:         client.DefaultNamespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: described.WorkflowExecution.RunID},
		Reason:            "test", RequestId: workflowID, WorkflowTaskFinishEventId: firstTask,
		ResetReapplyExcludeTypes: []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL},
	}
	stories.MustRetry(t, func(ctx context.Context) (*workflowservice.ResetWorkflowExecutionResponse, error) {
		return shared.ResetWorkflowExecution(ctx, request)
	})
}

// waitsForEnd is a client, and a channel that is closed when it asks Temporal for the end of a run.
func waitsForEnd(t *testing.T) (waiter *signalbox.Client, asks <-chan struct{}) {
	t.Helper()
	asked := make(chan struct{})
	var once sync.Once
	watched := func(ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if asking, ok := request.(*workflowservice.GetWorkflowExecutionHistoryRequest); ok && asking.GetWaitNewEvent() {
			once.Do(func() { close(asked) })
		}
		return call(ctx, method, request, answer, connection, options...)
	}
	connected, err := server.Dial(t.Context(), payloadtest.Apply, func(o *client.Options) {
		o.ConnectionOptions.DialOptions = append(o.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(watched))
	})
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	waiter, err = signalbox.New(connected, signalbox.Options{})
	require.NoError(t, err)
	return waiter, asked
}

func TestAWaitContinuesWithTheRunAfterAReset(t *testing.T) {
	t.Parallel()
	queue := unique("reset")
	w := sdkworker.New(shared, queue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(followed, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	one := apps.Case(unique("reset-while-waited-for"))
	startStubOf(t, workflows.OffloadCaseWorkflow, one.WorkflowID(), queue, workflows.CaseState{Status: workflows.CaseRunning})
	waiter, asks := waitsForEnd(t)
	waited := make(chan error, 1)
	go func() {
		outcome, err := waiter.Case(one.Reference()).Wait(t.Context())
		if err == nil && outcome.Status != workflows.CaseCompleted {
			err = fmt.Errorf("it ended as %s", outcome.Status)
		}
		waited <- err
	}()
	testenv.Receive(t, asks)
	reset(t, one.WorkflowID())
	step(t, one, "end")
	require.NoError(t, testenv.Receive(t, waited))
}

func TestAFailedWorkflowIsInTheToDoListUntilItIsReset(t *testing.T) {
	t.Parallel()
	workflowID := workflows.OffloadCaseWorkflowID(unique("failed-then-reset"))
	startStub(t, workflows.OffloadCaseWorkflow, workflowID, stubState{State: string(workflows.CaseRunning)})
	afterFirstTask(t, workflowID)
	signalStub(t, workflowID, "fail")
	isToDo := func(want bool) {
		testenv.Eventually(t, func(ctx context.Context) (signalbox.ToDoList, error) {
			return apps.ToDo(ctx, signalbox.ToDoOptions{Kinds: []signalbox.ToDoKind{signalbox.ToDoWorkflowBroken}})
		}, func(list signalbox.ToDoList) bool {
			return slices.ContainsFunc(list.Items, func(i signalbox.ToDoItem) bool { return i.WorkflowID == workflowID }) == want
		})
	}
	isToDo(true)
	reset(t, workflowID)
	isToDo(false)
}
