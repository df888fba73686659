package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/workflows"
)

var openWorkTime = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// openWorkTemporal is a Temporal with some workflows, of which it tells the states.
type openWorkTemporal struct {
	client.Client
	states map[string]any
	// ids are listed by a word of the query.
	ids map[string][]string
	// counted are workflows that the lists lack.
	counted int64
	// failing are the errors of states.
	failing map[string]error
	away    error
	listed  []string
	queried []string
}

func (f *openWorkTemporal) CountWorkflow(_ context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	count := f.counted
	for word, ids := range f.ids {
		if strings.Contains(request.GetQuery(), word) {
			count += int64(len(ids))
		}
	}
	return &workflowservice.CountWorkflowExecutionsResponse{Count: count}, f.away
}

func (f *openWorkTemporal) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.listed = append(f.listed, request.GetQuery())
	answer := &workflowservice.ListWorkflowExecutionsResponse{}
	for word, ids := range f.ids {
		if !strings.Contains(request.GetQuery(), word) {
			continue
		}
		for _, id := range ids {
			reasons, err := converter.GetDefaultDataConverter().ToPayload([]string{workflows.AttentionInputNeeded, workflows.AttentionConflict})
			if err != nil {
				return nil, err
			}
			answer.Executions = append(answer.Executions, &workflowpb.WorkflowExecutionInfo{
				Execution:        &commonpb.WorkflowExecution{WorkflowId: id},
				Type:             &commonpb.WorkflowType{Name: workflows.OffloadCaseWorkflow},
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeAttention: reasons}},
			})
		}
	}
	return answer, nil
}

func (f *openWorkTemporal) QueryWorkflowWithOptions(_ context.Context, request *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	f.queried = append(f.queried, request.WorkflowID)
	if err := f.failing[request.WorkflowID]; err != nil {
		return nil, err
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(f.states[request.WorkflowID])
	return &client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(payloads)}, err
}

func newOpenWork(temporal client.Client) *openWork {
	return &openWork{temporal: temporal, log: zap.NewNop(), now: func() time.Time { return openWorkTime }, states: map[string]stateRead{}}
}

func TestOpenWorkIsCountedFromStates(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return openWorkTime.Add(-d) }
	temporal := &openWorkTemporal{
		ids: map[string][]string{
			"INPUT_NEEDED": {"c1", "c2"}, workflows.ArtmailActivationWorkflow: {"a1"}, "'notify'": {"n1"}, "IS NOT NULL": {"c1", workflows.OffloadCaseWorkflowID(workflows.CanaryReference("1"))},
		},
		states: map[string]any{
			"c1": workflows.CaseState{Status: workflows.CaseInputNeeded, Since: ago(time.Hour)},
			"c2": workflows.CaseState{Status: workflows.CaseInputSent, Since: ago(48 * time.Hour)},
			"a1": workflows.ActivationState{Approvals: []workflows.Approval{
				{Status: workflows.ApprovalOpen, RequestedAt: ago(time.Minute)},
				{Status: workflows.ApprovalOpen, RequestedAt: ago(2 * time.Minute)},
				{Status: workflows.ApprovalApproved, RequestedAt: ago(9 * time.Minute)},
			}},
			"n1": workflows.NotifyState{Notices: []workflows.NoticeRecord{
				{Status: workflows.NoticeWaiting, Time: ago(10 * time.Second)},
				{Status: workflows.NoticeDelivered, Time: ago(time.Hour)},
				{Status: workflows.NoticeGivenUp, Time: ago(72 * time.Hour)},
			}},
		},
	}
	o := newOpenWork(temporal)
	registry := prometheus.NewRegistry()
	registry.MustRegister(o)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP signalbox_open_work_up 1 while open work can be read from Temporal; 0 while it can't; then the other values are from the last successful read.
# TYPE signalbox_open_work_up gauge
signalbox_open_work_up 0
`)), "nothing is reported before the first pass")

	want := `
# HELP signalbox_waiting Open questions, open approvals, notices that are being delivered, and notices that were given up.
# TYPE signalbox_waiting gauge
signalbox_waiting{kind="approval"} 2
signalbox_waiting{kind="notice"} 1
signalbox_waiting{kind="notice_given_up"} 1
signalbox_waiting{kind="question"} 1
# HELP signalbox_waiting_oldest_seconds Age of the oldest waiting item; 0 if none waits.
# TYPE signalbox_waiting_oldest_seconds gauge
signalbox_waiting_oldest_seconds{kind="approval"} 120
signalbox_waiting_oldest_seconds{kind="notice"} 10
signalbox_waiting_oldest_seconds{kind="notice_given_up"} 259200
signalbox_waiting_oldest_seconds{kind="question"} 3600
# HELP signalbox_attention_workflows Workflows that a person should look at, by reason.
# TYPE signalbox_attention_workflows gauge
signalbox_attention_workflows{reason="conflict",workflow_type="offload-case"} 1
signalbox_attention_workflows{reason="input_needed",workflow_type="offload-case"} 1
# HELP signalbox_open_work_up 1 while open work can be read from Temporal; 0 while it can't; then the other values are from the last successful read.
# TYPE signalbox_open_work_up gauge
signalbox_open_work_up `
	names := []string{"signalbox_waiting", "signalbox_waiting_oldest_seconds", "signalbox_attention_workflows", "signalbox_open_work_up"}
	require.True(t, o.pass(t.Context()))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want+"1\n"), names...))

	temporal.away = errors.New("away")
	require.False(t, o.pass(t.Context()))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want+"0\n"), names...), "the last values stay")
}

func TestAPassReadsABoundedNumberOfStatesTheOldestFirst(t *testing.T) {
	t.Parallel()
	temporal := &openWorkTemporal{ids: map[string][]string{}, states: map[string]any{}}
	const activations = maxStates + 30
	for n := range activations {
		id := fmt.Sprintf("a%03d", n)
		temporal.ids[workflows.ArtmailActivationWorkflow] = append(temporal.ids[workflows.ArtmailActivationWorkflow], id)
		temporal.states[id] = workflows.ActivationState{Approvals: []workflows.Approval{{Status: workflows.ApprovalOpen, RequestedAt: openWorkTime}}}
	}
	o := newOpenWork(temporal)
	require.True(t, o.pass(t.Context()))
	require.Len(t, temporal.queried, maxStates)
	require.Equal(t, 30, o.found.unread)
	require.Equal(t, maxStates, o.found.waiting[waitsApproval].count)

	o.now = func() time.Time { return openWorkTime.Add(time.Minute) }
	require.True(t, o.pass(t.Context()))
	require.Contains(t, temporal.queried[maxStates:maxStates+30], fmt.Sprintf("a%03d", activations-1), "what was never asked comes first")
	require.Zero(t, o.found.unread)
	require.Equal(t, activations, o.found.waiting[waitsApproval].count)

	temporal.ids = nil
	require.True(t, o.pass(t.Context()))
	require.Zero(t, o.found.waiting[waitsApproval].count, "what has ended is forgotten")
	require.Empty(t, o.states)
}

func TestOnlyRunningAndJustCompletedWorkflowsHaveAttention(t *testing.T) {
	t.Parallel()
	temporal := &openWorkTemporal{}
	require.True(t, newOpenWork(temporal).pass(t.Context()))
	require.Contains(t, temporal.listed,
		"SignalboxAttention IS NOT NULL AND (ExecutionStatus = 'Running' OR ExecutionStatus = 'Completed' AND CloseTime > '2026-04-30T12:00:00Z')")
}

// activations returns a Temporal with activations of one open approval each.
func activations(ids ...string) *openWorkTemporal {
	temporal := &openWorkTemporal{ids: map[string][]string{workflows.ArtmailActivationWorkflow: ids}, states: map[string]any{}, failing: map[string]error{}}
	for _, id := range ids {
		temporal.states[id] = workflows.ActivationState{Approvals: []workflows.Approval{{Status: workflows.ApprovalOpen, RequestedAt: openWorkTime}}}
	}
	return temporal
}

func TestWorkflowsThatCantAnswerDoNotHideTheOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		unread int
	}{
		"it has ended":                          {serviceerror.NewNotFound("no such workflow"), 0},
		"its query fails":                       {serviceerror.NewQueryFailed("unknown query"), 0},
		"its workflow tasks fail":               {serviceerror.NewWorkflowNotReady("workflow task in failed state"), 0},
		"it is too slow for Temporal":           {serviceerror.NewDeadlineExceeded("query timed out"), 2},
		"it is too slow for the time of a read": {fmt.Errorf("query: %w", context.DeadlineExceeded), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporal := activations("a1", "a2", "a3")
			temporal.failing["a1"], temporal.failing["a2"] = c.err, c.err
			o := newOpenWork(temporal)
			for range 2 {
				require.True(t, o.pass(t.Context()))
				require.Equal(t, 1, o.found.waiting[waitsApproval].count)
				require.Equal(t, c.unread, o.found.unread)
			}
		})
	}
}

func TestAPassFailsWhenNoWorkerAnswers(t *testing.T) {
	t.Parallel()
	temporal := activations("a1", "a2", "a3", "a4", "a5")
	for _, id := range []string{"a1", "a2", "a3", "a4", "a5"} {
		temporal.failing[id] = serviceerror.NewDeadlineExceeded("query timed out")
	}
	logged, logs := observer.New(zap.WarnLevel)
	o := newOpenWork(temporal)
	o.log = zap.New(logged)
	require.False(t, o.pass(t.Context()))
	require.Len(t, temporal.queried, maxTimeouts)
	require.Equal(t, 1, logs.FilterMessageSnippet("open work not read").Len(), "also if it was never read")
	require.False(t, o.pass(t.Context()))
	require.Equal(t, 1, logs.Len(), "once")

	// a1 to a3 are stuck. They were tried, so the others come first.
	delete(temporal.failing, "a4")
	delete(temporal.failing, "a5")
	o.now = func() time.Time { return openWorkTime.Add(time.Minute) }
	require.False(t, o.pass(t.Context()))
	o.now = func() time.Time { return openWorkTime.Add(2 * time.Minute) }
	require.True(t, o.pass(t.Context()))
	require.Equal(t, 2, o.found.waiting[waitsApproval].count)
	require.Equal(t, 3, o.found.unread)
}

func TestWorkflowsBeyondAListCountAsUnread(t *testing.T) {
	t.Parallel()
	ids := make([]string, maxListed)
	for n := range ids {
		ids[n] = fmt.Sprintf("a%04d", n)
	}
	temporal := activations(ids...)
	temporal.counted = 17
	o := newOpenWork(temporal)
	require.True(t, o.pass(t.Context()))
	require.Equal(t, maxListed-maxStates+17, o.found.unread)
}
