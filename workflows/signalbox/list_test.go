package signalbox_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

func TestAnUnknownStateAttentionOrKindIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, mocks.NewClient(t), signalbox.Options{}) // fails the test on any call
	_, cases := c.ListCases(t.Context(), signalbox.CaseFilter{States: []workflows.CaseStatus{workflows.CaseRunning, "COMPLETE"}})
	_, activations := c.ListActivations(t.Context(), signalbox.ActivationFilter{States: []workflows.ActivationStatus{"active"}})
	_, attention := c.ListCases(t.Context(), signalbox.CaseFilter{Attention: []string{workflows.AttentionConflict, "typo"}})
	_, ofActivation := c.ListActivations(t.Context(), signalbox.ActivationFilter{Attention: []string{"typos"}, NeedsAttention: true})
	_, todo := c.ToDo(t.Context(), signalbox.ToDoOptions{Kinds: []signalbox.ToDoKind{"questions"}})
	for says, err := range map[string]error{
		`state: "COMPLETE" is unknown: want one of CREATING, CREATE_UNCERTAIN, RUNNING, `: cases,
		`state: "active" is unknown: want one of UNKNOWN, ACTIVE, PAUSED, DEACTIVATED`:    activations,
		`attention: "typo" is unknown: want one of account, adopt_refused, `:              attention,
		`attention: "typos" is unknown: want one of account, adopt_refused, `:             ofActivation,
		`kind: "questions" is unknown: want one of question, question_expired, `:          todo,
	} {
		require.ErrorIs(t, err, signalbox.ErrInvalid)
		require.ErrorContains(t, err, says)
	}
}

func TestAPrefixOfReferencesTellsCapitalsApart(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	open := mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
		return !strings.Contains(r.GetQuery(), "!= 'Running'")
	})
	server.On("ListWorkflow", mock.Anything, open).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{
		running("offload-case/Vendor_1"), running("offload-case/vendor_2"), // as Temporal on SQLite answers
	}}, nil)
	server.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{}, nil)
	page, err := newClient(t, server, signalbox.Options{}).ListCases(t.Context(), signalbox.CaseFilter{ReferencePrefix: "vendor_"})
	require.NoError(t, err)
	require.Len(t, page.Cases, 1)
	require.Equal(t, "vendor_2", page.Cases[0].Reference)
}

// A search attribute that a workflow has not published yet is missing in lists.
func TestARowWithoutAStatusIsCreatingOrUnknown(t *testing.T) {
	t.Parallel()
	server, show := visibility(t)
	c := newClient(t, server, signalbox.Options{})
	show(running("offload-case/new"))
	cases, err := c.ListCases(t.Context(), signalbox.CaseFilter{})
	require.NoError(t, err)
	require.Len(t, cases.Cases, 1)
	require.Equal(t, workflows.CaseCreating, cases.Cases[0].Status)
	show(running("artmail-activation/crm/new"))
	activations, err := c.ListActivations(t.Context(), signalbox.ActivationFilter{})
	require.NoError(t, err)
	require.Len(t, activations.Activations, 1)
	require.Equal(t, workflows.ActivationUnknown, activations.Activations[0].Status)
}

func TestACatchUpGoesOnWhereItsTimeWasOver(t *testing.T) {
	t.Parallel()
	const cases = signalbox.MaxPage + 1
	server := mocks.NewClient(t)
	all := &workflowservice.ListWorkflowExecutionsResponse{}
	for n := range cases {
		one := running(fmt.Sprintf("offload-case/case_%03d", n))
		one.StartTime = timestamppb.New(one.GetStartTime().AsTime().Add(-time.Duration(n) * time.Minute))
		all.Executions = append(all.Executions, one)
	}
	open := mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
		return strings.Contains(r.GetQuery(), "'offload-case'") && strings.Contains(r.GetQuery(), "= 'Running'") && !strings.Contains(r.GetQuery(), "!=")
	})
	server.On("ListWorkflow", mock.Anything, open).Return(all, nil)
	server.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{}, nil)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var signalled []string
	server.On("SignalWorkflow", mock.Anything, mock.Anything, "", workflows.SignalReconcileNow, mock.Anything).Run(func(args mock.Arguments) {
		if signalled = append(signalled, args.String(1)); len(signalled) == signalbox.MaxPage {
			end()
		}
	}).Return(nil)
	c := newClient(t, server, signalbox.Options{})
	options := signalbox.CatchUpOptions{Since: workflows.MinTime, CallsPerSecond: 1e6}
	report, err := c.CatchUp(ctx, options)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, signalbox.MaxPage, report.Cases.Done)
	require.NotEmpty(t, report.Next)

	options.Cursor = report.Next
	report, err = c.CatchUp(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, 1, report.Cases.Done)
	require.Empty(t, report.Next)
	require.Equal(t, "offload-case/case_200", signalled[len(signalled)-1])
	require.Len(t, signalled, cases)
}

func TestACatchUpGoesOnPastAWorkflowThatCannotAnswer(t *testing.T) {
	t.Parallel()
	stuck, source := workflows.NotifyWorkflowID("artmail-activation/pages/stuck"), "artmail-activation/pages/act_2"
	state, err := converter.GetDefaultDataConverter().ToPayloads(workflows.NotifyState{
		Source: source, Notices: []workflows.NoticeRecord{{ID: "n1", Status: workflows.NoticeGivenUp, SettledAt: workflows.MinTime}},
	})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		answer *client.QueryWorkflowWithOptionsResponse
		err    error
	}{
		"its history can't be replayed": {err: serviceerror.NewQueryFailed("nondeterminism")},
		"its workflow task fails":       {err: serviceerror.NewWorkflowNotReady("x")},
		"it is paused in Temporal":      {answer: &client.QueryWorkflowWithOptionsResponse{QueryRejected: &querypb.QueryRejected{Status: enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			lists := func(workflowType string, workflowIDs ...string) {
				page := &workflowservice.ListWorkflowExecutionsResponse{}
				for _, id := range workflowIDs {
					page.Executions = append(page.Executions, running(id))
				}
				server.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
					return strings.Contains(r.GetQuery(), "'"+workflowType+"'")
				})).Return(page, nil)
			}
			lists(workflows.NotifyWorkflow, stuck, workflows.NotifyWorkflowID(source))
			lists(workflows.OffloadCaseWorkflow, "offload-case/full", "offload-case/vendor_2048")
			server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(func(r *client.QueryWorkflowWithOptionsRequest) bool { return r.WorkflowID == stuck })).Return(c.answer, c.err)
			server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).Return(&client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(state)}, nil)
			resent := mocks.NewWorkflowUpdateHandle(t)
			resent.On("Get", mock.Anything, mock.Anything).Return(nil)
			server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(resent, nil)
			server.On("SignalWorkflow", mock.Anything, "offload-case/full", "", mock.Anything, mock.Anything).
				Return(serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"))
			server.On("SignalWorkflow", mock.Anything, "offload-case/vendor_2048", "", mock.Anything, mock.Anything).Return(nil)

			report, err := newClient(t, server, signalbox.Options{}).CatchUp(t.Context(), signalbox.CatchUpOptions{Since: workflows.MinTime, CallsPerSecond: 1e6})
			require.NoError(t, err)
			require.Equal(t, signalbox.CatchUpCount{Done: 1, Failed: 1}, report.Notices)
			require.Equal(t, signalbox.CatchUpCount{Done: 1, Failed: 1}, report.Cases)
			require.Len(t, report.Failures, 2)
			require.Equal(t, stuck, report.Failures[0].What)
			require.Equal(t, "offload-case/full", report.Failures[1].What)
		})
	}
}

func TestACatchUpThatHasNoTimeForTheNextCallFailsForNoCase(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	const cases = signalbox.MaxPage + 50
	for n := range cases {
		start := goodStart()
		start.Reference = fmt.Sprintf("case_%03d", n)
		_, err := apps.StartCase(t.Context(), start)
		require.NoError(t, err)
		fake.CompleteSilently(start.Reference)
	}
	first, err := apps.ListCases(t.Context(), signalbox.CaseFilter{Open: signalbox.Open, Limit: signalbox.MaxPage})
	require.NoError(t, err)
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	options := signalbox.CatchUpOptions{Since: workflows.MinTime, CallsPerSecond: 0.001, Cursor: first.Next}
	report, err := apps.CatchUp(ctx, options)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, ctx.Err(), "it does not wait for the deadline")
	require.Empty(t, report.Failures)
	require.Equal(t, signalbox.CatchUpCount{Done: 1}, report.Cases)
	require.Equal(t, first.Next, report.Next)

	for _, cursor := range []string{report.Next, ""} {
		report, err = apps.CatchUp(t.Context(), signalbox.CatchUpOptions{Since: workflows.MinTime, CallsPerSecond: 1e6, Cursor: cursor})
		require.NoError(t, err)
		require.Empty(t, report.Failures)
	}
	left, err := apps.ListCases(t.Context(), signalbox.CaseFilter{Open: signalbox.Open})
	require.NoError(t, err)
	require.Empty(t, left.Cases, "every case was read")
}

func TestALimitedToDoListCountsItsOwnWorkflows(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	for reference, account := range map[string]string{"a": "emea", "b": "emea", "c": "apac"} {
		start := goodStart()
		start.Reference, start.Account = reference, account
		_, err := apps.StartCase(t.Context(), start)
		require.NoError(t, err)
		fake.Ask(reference, "Which form?")
	}
	for _, c := range []struct {
		options signalbox.ToDoOptions
		want    int64
	}{
		{signalbox.ToDoOptions{}, 3},
		{signalbox.ToDoOptions{Accounts: []string{"emea"}}, 2},
		{signalbox.ToDoOptions{Accounts: []string{"emea"}, Kinds: []signalbox.ToDoKind{signalbox.ToDoRunStale}}, 2},
		{signalbox.ToDoOptions{Accounts: []string{}}, 0},
	} {
		list, err := apps.ToDo(t.Context(), c.options)
		require.NoError(t, err)
		require.Equal(t, c.want, list.Workflows, "%+v", c.options)
	}
}

func running(workflowID string) *workflowpb.WorkflowExecutionInfo {
	caseID, _ := converter.GetDefaultDataConverter().ToPayload("c1") // text always encodes
	return &workflowpb.WorkflowExecutionInfo{
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeCaseID: caseID}},
		Execution:        &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: "run of " + workflowID},
		Type:             &commonpb.WorkflowType{Name: workflows.OffloadCaseWorkflow},
		Status:           enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(workflows.MinTime.AddDate(26, 0, 0)),
	}
}

// startedAt is a running case that started so many minutes after the others.
func startedAt(reference string, minutes int) *workflowpb.WorkflowExecutionInfo {
	one := running(workflows.OffloadCaseWorkflowID(reference))
	one.StartTime = timestamppb.New(one.GetStartTime().AsTime().Add(time.Duration(minutes) * time.Minute))
	return one
}

// visibility answers from executions that a test sets.
func visibility(t *testing.T) (server *mocks.Client, show func(...*workflowpb.WorkflowExecutionInfo)) {
	server = mocks.NewClient(t)
	var shown []*workflowpb.WorkflowExecutionInfo
	server.On("ListWorkflow", mock.Anything, mock.Anything).Return(
		func(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
			query := r.GetQuery()
			response := &workflowservice.ListWorkflowExecutionsResponse{}
			for _, one := range shown {
				isRunning, id, run := one.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, one.GetExecution().GetWorkflowId(), one.GetExecution().GetRunId()
				switch {
				case strings.Contains(query, "Status = 'Running'") && !isRunning,
					strings.Contains(query, "Status != 'Running'") && isRunning,
					strings.Contains(query, "Status = 'ContinuedAsNew'") && one.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
					strings.Contains(query, "Status != 'ContinuedAsNew'") && one.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
					strings.Contains(query, "WorkflowId IN") && !strings.Contains(query, "'"+id+"'"),
					strings.Contains(query, "RunId IN") && !strings.Contains(query, "'"+run+"'"):
					continue
				}
				response.Executions = append(response.Executions, one)
			}
			from := len(r.GetNextPageToken())
			response.Executions = response.Executions[from:]
			if size := int(r.GetPageSize()); len(response.GetExecutions()) > size {
				response.Executions, response.NextPageToken = response.GetExecutions()[:size], make([]byte, from+size)
			}
			return response, nil
		})
	return server, func(all ...*workflowpb.WorkflowExecutionInfo) { shown = all }
}

func TestACaseThatContinuesAsNewIsListedBeforeVisibilityShowsItsNextRun(t *testing.T) {
	t.Parallel()
	for _, open := range []signalbox.OpenFilter{"", signalbox.Open} {
		server, show := visibility(t)
		first, second, next := startedAt("first", 2), startedAt("second", 1), startedAt("second", 3)
		show(first, second)
		apps := newClient(t, server, signalbox.Options{})
		filter := signalbox.CaseFilter{Limit: 1, Open: open}
		page, err := apps.ListCases(t.Context(), filter)
		require.NoError(t, err)
		require.Equal(t, "first", page.Cases[0].Reference)

		second.Status, second.CloseTime = enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, next.GetStartTime()
		next.Execution.RunId = "next"
		describe := server.On("DescribeWorkflowExecution", mock.Anything, workflows.OffloadCaseWorkflowID("second"), "")
		describe.Return(func(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
			if open == signalbox.Open { // visibility catches up meanwhile
				show(first, next, second)
			}
			return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: next}, nil
		})
		filter.Cursor = page.Next
		page, err = apps.ListCases(t.Context(), filter)
		require.NoError(t, err)
		require.Len(t, page.Cases, 1)
		require.Equal(t, "second", page.Cases[0].Reference)
		require.Equal(t, "next", page.Cases[0].RunID)
		require.Empty(t, page.Next)
	}
}

func TestCasesThatStartAtTheSameTimeAreListedOnce(t *testing.T) {
	t.Parallel()
	server, show := visibility(t)
	var all []*workflowpb.WorkflowExecutionInfo
	want := map[string]bool{}
	for n := range 12 { // Temporal lists the run IDs of a time the other way round
		reference := fmt.Sprintf("case-%02d", 11-n)
		all, want[reference] = append(all, startedAt(reference, 0)), true
	}
	show(all...)
	requireListedOnce(t, server, signalbox.CaseFilter{Limit: 2}, want)
}

// requireListedOnce reads all pages.
func requireListedOnce(t *testing.T, server client.Client, filter signalbox.CaseFilter, want map[string]bool) {
	t.Helper()
	apps := newClient(t, server, signalbox.Options{})
	want = maps.Clone(want)
	for {
		page, err := apps.ListCases(t.Context(), filter)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Cases), filter.Limit)
		for _, row := range page.Cases {
			require.True(t, want[row.Reference], "%s: once", row.Reference)
			delete(want, row.Reference)
		}
		if filter.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	require.Empty(t, want)
}

func TestCasesThatEndAtTheSameTimeAreListedOnce(t *testing.T) {
	t.Parallel()
	server, show := visibility(t)
	newest := startedAt("open", 60)
	all := []*workflowpb.WorkflowExecutionInfo{newest}
	ended := map[string]bool{}
	for n := range 12 { // Temporal lists the run IDs of a time the other way round
		one := startedAt(fmt.Sprintf("case-%02d", 11-n), 0)
		one.Status, one.CloseTime = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, startedAt("", 20-5*(n/4)).GetStartTime()
		all, ended[fmt.Sprintf("case-%02d", 11-n)] = append(all, one), true
	}
	show(all...)
	both := maps.Clone(ended)
	both["open"] = true
	for limit := range 6 {
		requireListedOnce(t, server, signalbox.CaseFilter{Limit: limit + 1, Open: signalbox.Closed}, ended)
		requireListedOnce(t, server, signalbox.CaseFilter{Limit: limit + 1}, both)
	}
}

func TestACursorOfNoPageNeverReachesTemporal(t *testing.T) {
	t.Parallel()
	server, show := visibility(t)
	show(startedAt("first", 2), startedAt("second", 1))
	page, err := newClient(t, server, signalbox.Options{}).ListCases(t.Context(), signalbox.CaseFilter{Limit: 1})
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(page.Next)
	require.NoError(t, err)
	refuses := newClient(t, mocks.NewClient(t), signalbox.Options{}) // fails the test on any call
	for _, name := range []string{"u", "a"} {
		for _, at := range []any{nil, "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"} {
			var position map[string]any
			require.NoError(t, json.Unmarshal(raw, &position))
			position[name] = at
			forged, err := json.Marshal(position)
			require.NoError(t, err)
			_, err = refuses.ListCases(t.Context(), signalbox.CaseFilter{Limit: 1, Cursor: base64.RawURLEncoding.EncodeToString(forged)})
			require.ErrorIs(t, err, signalbox.ErrInvalid)
			require.ErrorContains(t, err, "cursor: it is not the cursor of a list: begin without one")
		}
	}
}
