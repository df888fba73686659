package signalbox_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/workflows"
)

// fakeServer is a Temporal on loopback that stores starts. It shows what the SDK's client itself does: encoding and errors.
type fakeServer struct {
	workflowservice.UnimplementedWorkflowServiceServer

	mu sync.Mutex
	// starts counts the requests to start a workflow.
	starts int
	memo   map[string]*commonpb.Memo
	status map[string]enumspb.WorkflowExecutionStatus
	// results are the results of completed workflows.
	results map[string]*commonpb.Payloads
}

// serveTemporal returns a client of a fake server that uses the data converter; nil means the default one.
func serveTemporal(t *testing.T, dataConverter converter.DataConverter) (*fakeServer, client.Client) {
	t.Helper()
	f := &fakeServer{memo: map[string]*commonpb.Memo{}, status: map[string]enumspb.WorkflowExecutionStatus{}, results: map[string]*commonpb.Payloads{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	require.NoError(t, err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	c, err := client.DialContext(t.Context(), client.Options{HostPort: listener.Addr().String(), DataConverter: dataConverter})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return f, c
}

// become sets the status of a workflow.
func (f *fakeServer) become(workflowID string, status enumspb.WorkflowExecutionStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status[workflowID] = status
}

func (f *fakeServer) complete(t *testing.T, workflowID string, result any) {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(result)
	require.NoError(t, err)
	f.become(workflowID, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.results[workflowID] = payloads
}

func (f *fakeServer) of(workflowID string) (enumspb.WorkflowExecutionStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, known := f.status[workflowID]
	if !known {
		return status, serviceerror.ToStatus(serviceerror.NewNotFound("workflow not found for ID: " + workflowID)).Err()
	}
	return status, nil
}

func (f *fakeServer) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f *fakeServer) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts++
	if _, known := f.status[r.GetWorkflowId()]; known {
		return nil, serviceerror.ToStatus(serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "", "run")).Err()
	}
	f.status[r.GetWorkflowId()], f.memo[r.GetWorkflowId()] = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, r.GetMemo()
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run", Started: true}, nil
}

func (f *fakeServer) DescribeWorkflowExecution(_ context.Context, r *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	status, err := f.of(r.GetExecution().GetWorkflowId())
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
			Execution: r.GetExecution(), Status: status, Memo: f.memo[r.GetExecution().GetWorkflowId()], SearchAttributes: &commonpb.SearchAttributes{},
		},
	}, nil
}

func (f *fakeServer) QueryWorkflow(_ context.Context, r *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	status, err := f.of(r.GetExecution().GetWorkflowId())
	if err != nil {
		return nil, err
	}
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW { // asked again, the server finds the next run
		f.become(r.GetExecution().GetWorkflowId(), enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	}
	clean := status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	if !clean && r.GetQueryRejectCondition() == enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY {
		return &workflowservice.QueryWorkflowResponse{QueryRejected: &querypb.QueryRejected{Status: status}}, nil
	}
	// A worker answers queries of a terminated workflow as if it were still running.
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(workflows.CaseState{Status: workflows.CaseRunning})
	return &workflowservice.QueryWorkflowResponse{QueryResult: payloads}, err
}

// ListWorkflowExecutions lags behind: it lists each case as running.
func (f *fakeServer) ListWorkflowExecutions(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	if !strings.Contains(r.GetQuery(), workflows.OffloadCaseWorkflow) {
		return response, nil
	}
	caseID, err := converter.GetDefaultDataConverter().ToPayload("c1")
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.status {
		response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: id}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeCaseID: caseID}},
		})
	}
	return response, err
}

func (f *fakeServer) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	status, err := f.of(r.GetWorkflowExecution().GetWorkflowId())
	if err == nil && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		err = serviceerror.ToStatus(serviceerror.NewNotFound("workflow execution already completed")).Err()
	}
	return &workflowservice.SignalWorkflowExecutionResponse{}, err
}

func (f *fakeServer) GetWorkflowExecutionHistory(_ context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	status, err := f.of(r.GetExecution().GetWorkflowId())
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	event := &historypb.HistoryEvent{EventId: 9}
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
		event.Attributes = &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: f.results[r.GetExecution().GetWorkflowId()]},
		}
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
		event.Attributes = &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
			WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: "operator"},
		}
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
		event.Attributes = &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{
			WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{},
		}
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
		event.Attributes = &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{
			WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{},
		}
	default:
		event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
		event.Attributes = &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: invalidArgument},
		}
	}
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{event}}}, nil
}
