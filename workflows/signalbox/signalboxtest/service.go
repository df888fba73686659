package signalboxtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// execution is one run of a workflow.
type execution struct {
	workflowID, runID, workflowType string
	machine                         machine
	status                          enumspb.WorkflowExecutionStatus
	memo                            *commonpb.Memo
	started, closed                 time.Time
	history                         []*historypb.HistoryEvent
}

func (e *execution) append(event *historypb.HistoryEvent) {
	event.EventId = int64(len(e.history) + 1)
	e.history = append(e.history, event)
}

// step adds a completed workflow task to the history.
func (e *execution) step() {
	e.append(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{}},
	})
}

func (s *server) add(workflowID, workflowType string, m machine, memo *commonpb.Memo) *execution {
	s.runs++
	e := &execution{
		workflowID: workflowID, runID: fmt.Sprintf("run-%06d", s.runs), workflowType: workflowType,
		machine: m, memo: memo, status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, started: s.now(),
	}
	e.append(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{}},
	})
	s.executions[workflowID] = append(s.executions[workflowID], e)
	return e
}

func (s *server) close(e *execution, status enumspb.WorkflowExecutionStatus, result any) {
	e.status, e.closed = status, s.now()
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		payloads, err := converter.GetDefaultDataConverter().ToPayloads(result)
		if err != nil {
			panic(err) // the contract's types always encode
		}
		e.append(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
				WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: payloads},
			},
		})
	} else {
		e.append(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
				WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: "terminated by the test"},
			},
		})
	}
	s.wake()
}

// GetSystemInfo implements the service.
func (s *server) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

// StartWorkflowExecution implements the service.
func (s *server) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway()
	}
	if e := s.newest(r.GetWorkflowId()); e != nil {
		return nil, status(serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "", e.runID))
	}
	input, err := decode(r.GetInput())
	if err != nil {
		return nil, err
	}
	m, err := newCase(input, r.GetWorkflowId(), s.provider, s.now())
	if err != nil {
		return nil, status(serviceerror.NewInvalidArgument(err.Error()))
	}
	e := s.add(r.GetWorkflowId(), r.GetWorkflowType().GetName(), m, r.GetMemo())
	s.settle(e)
	return &workflowservice.StartWorkflowExecutionResponse{RunId: e.runID, Started: true}, nil
}

// existing returns the newest run of the workflow that a call names.
func (s *server) existing(of *commonpb.WorkflowExecution) (*execution, error) {
	if s.away {
		return nil, errAway()
	}
	e := s.newest(of.GetWorkflowId())
	if e == nil {
		return nil, status(serviceerror.NewNotFound("workflow not found for ID: " + of.GetWorkflowId()))
	}
	return e, nil
}

// running returns the running workflow that a call names.
func (s *server) running(of *commonpb.WorkflowExecution) (*execution, error) {
	e, err := s.existing(of)
	if err != nil {
		return nil, err
	}
	if e.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, status(serviceerror.NewNotFound("workflow execution already completed"))
	}
	return e, nil
}

// SignalWorkflowExecution implements the service.
func (s *server) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.running(r.GetWorkflowExecution())
	if err != nil {
		return nil, err
	}
	input, err := decode(r.GetInput())
	if err != nil {
		return nil, err
	}
	// The workflow skips a signal that it can't decode.
	_ = e.machine.signal(r.GetSignalName(), input, s.now())
	s.settle(e)
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

// UpdateWorkflowExecution implements the service.
func (s *server) UpdateWorkflowExecution(_ context.Context, r *workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.running(r.GetWorkflowExecution())
	if err != nil {
		return nil, err
	}
	if s.workersAway {
		return nil, status(serviceerror.NewWorkflowNotReady("no worker answers"))
	}
	input := r.GetRequest().GetInput()
	argument, err := decode(input.GetArgs())
	if err != nil {
		return nil, err
	}
	response := &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: &updatepb.UpdateRef{
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: e.workflowID, RunId: e.runID}, UpdateId: r.GetRequest().GetMeta().GetUpdateId(),
		},
		Stage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
	}
	answer, err := e.machine.update(input.GetName(), argument, s.now())
	if err != nil {
		response.Outcome = &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: failure(err)}}
		return response, nil
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(answer)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	response.Outcome = &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: payloads}}
	s.settle(e)
	return response, nil
}

func failure(err error) *failurepb.Failure {
	var refusal *rules.Refusal
	info := &failurepb.ApplicationFailureInfo{NonRetryable: true}
	if errors.As(err, &refusal) {
		info.Type = refusal.Type
	}
	return &failurepb.Failure{Message: err.Error(), FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info}}
}

// QueryWorkflow implements the service.
func (s *server) QueryWorkflow(_ context.Context, r *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.existing(r.GetExecution())
	if err != nil {
		return nil, err
	}
	if e.status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED && r.GetQueryRejectCondition() == enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY {
		return &workflowservice.QueryWorkflowResponse{QueryRejected: &querypb.QueryRejected{Status: e.status}}, nil
	}
	if s.workersAway {
		return nil, status(serviceerror.NewFailedPrecondition("no poller seen for task queue recently, worker may be down"))
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(e.machine.view())
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return &workflowservice.QueryWorkflowResponse{QueryResult: payloads}, nil
}

// DescribeWorkflowExecution implements the service.
func (s *server) DescribeWorkflowExecution(_ context.Context, r *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.existing(r.GetExecution())
	if err != nil {
		return nil, err
	}
	info, err := e.info()
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, err
}

func (e *execution) info() (*workflowpb.WorkflowExecutionInfo, error) {
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: e.workflowID, RunId: e.runID},
		Type:      &commonpb.WorkflowType{Name: e.workflowType}, Status: e.status, Memo: e.memo, HistoryLength: int64(len(e.history)),
		StartTime: timestamppb.New(e.started), SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{}},
	}
	if !e.closed.IsZero() {
		info.CloseTime = timestamppb.New(e.closed)
	}
	for name, value := range e.attributes() {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value.encoded)
		if err != nil {
			return nil, fmt.Errorf("encode search attribute: %w", err)
		}
		payload.Metadata["type"] = []byte(value.typ)
		info.SearchAttributes.IndexedFields[name] = payload
	}
	return info, nil
}

type attributeValue struct {
	typ     string
	encoded any
}

// attributes returns the search attributes that are set.
func (e *execution) attributes() map[string]attributeValue {
	published := e.machine.published()
	all := map[string]attributeValue{}
	for name, text := range map[string]string{
		workflows.SearchAttributeState: published.state, workflows.SearchAttributeAccount: published.account, workflows.SearchAttributeCaseID: published.caseID,
	} {
		if text != "" {
			all[name] = attributeValue{"Keyword", text}
		}
	}
	if len(published.attention) > 0 {
		all[workflows.SearchAttributeAttention] = attributeValue{"KeywordList", published.attention}
		all[workflows.SearchAttributeDueAt] = attributeValue{"Datetime", published.dueAt.UTC().Truncate(time.Second)}
	}
	return all
}

// longPoll is how long a call waits for new events, as on the real server.
const longPoll = 20 * time.Second

// GetWorkflowExecutionHistory implements the service. The page token is the number of events that the caller has.
func (s *server) GetWorkflowExecutionHistory(ctx context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	have, _ := strconv.Atoi(string(r.GetNextPageToken()))
	deadline := time.NewTimer(longPoll)
	defer deadline.Stop()
	onlyEnd := r.GetHistoryEventFilterType() == enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
	for {
		s.mu.Lock()
		e, err := s.existing(r.GetExecution())
		stopped, changed := s.stopped, s.changed
		var events []*historypb.HistoryEvent
		var open bool
		if err == nil {
			events, open = e.history, e.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		}
		s.mu.Unlock()
		switch {
		case stopped:
			return nil, errAway()
		case err != nil:
			return nil, err
		case !open && onlyEnd:
			return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: events[len(events)-1:]}}, nil
		case !open:
			return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: events[min(have, len(events)):]}}, nil
		case !onlyEnd && len(events) > have:
			return &workflowservice.GetWorkflowExecutionHistoryResponse{
				History: &historypb.History{Events: events[have:]}, NextPageToken: []byte(strconv.Itoa(len(events))),
			}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err() //nolint:wrapcheck // gRPC's own
		case <-deadline.C:
			return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{}, NextPageToken: []byte(strconv.Itoa(have))}, nil
		}
	}
}

func errAway() error {
	return status(serviceerror.NewUnavailable("the test made Temporal unavailable"))
}

func status(err error) error { return serviceerror.ToStatus(err).Err() }

func encode(value any) (json.RawMessage, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return raw, nil
}

// decode returns the first argument of a call as JSON; null if there is none.
func decode(payloads *commonpb.Payloads) (json.RawMessage, error) {
	if len(payloads.GetPayloads()) == 0 {
		return json.RawMessage("null"), nil
	}
	var raw json.RawMessage
	if err := converter.GetDefaultDataConverter().FromPayload(payloads.GetPayloads()[0], &raw); err != nil {
		return nil, status(serviceerror.NewInvalidArgument(err.Error()))
	}
	return raw, nil
}
