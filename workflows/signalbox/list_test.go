package signalbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func TestAnUnknownStateOrKindIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, mocks.NewClient(t), signalbox.Options{}) // fails the test on any call
	_, cases := c.ListCases(t.Context(), signalbox.CaseFilter{States: []workflows.CaseStatus{workflows.CaseRunning, "COMPLETE"}})
	_, activations := c.ListActivations(t.Context(), signalbox.ActivationFilter{States: []workflows.ActivationStatus{"active"}})
	_, todo := c.ToDo(t.Context(), signalbox.ToDoOptions{Kinds: []signalbox.ToDoKind{"questions"}})
	for says, err := range map[string]error{
		`state: "COMPLETE" is unknown: want one of CREATING, CREATE_UNCERTAIN, RUNNING, `: cases,
		`state: "active" is unknown: want one of UNKNOWN, ACTIVE, PAUSED, DEACTIVATED`:    activations,
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

func running(workflowID string) *workflowpb.WorkflowExecutionInfo {
	return &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: "run of " + workflowID},
		Type:      &commonpb.WorkflowType{Name: workflows.OffloadCaseWorkflow},
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(workflows.MinTime.AddDate(26, 0, 0)),
	}
}
