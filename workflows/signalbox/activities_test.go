package signalbox_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

var ofPages = signalbox.ActivationRef{Agent: "pages", ActivationID: "act/1"}

func activityEnvironment(server client.Client, t *testing.T) *testsuite.TestActivityEnvironment {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	signalbox.NewActivities(newClient(t, server, signalbox.Options{})).Register(env)
	return env
}

// calls has one call of each activity that sends an update.
var calls = map[string]struct {
	argument         any
	workflow, update string
}{
	signalbox.ActivityProvideInput:     {signalbox.ProvideCaseInput{Reference: "a"}, "offload-case/a", workflows.UpdateProvideInput},
	signalbox.ActivityCancelCase:       {signalbox.CancelCaseOf{Reference: "a"}, "offload-case/a", workflows.UpdateCancel},
	signalbox.ActivityRequestApprovals: {signalbox.RequestApprovals{ActivationRef: ofPages}, "artmail-activation/pages/act%2F1", workflows.UpdateRequestApprovals},
	signalbox.ActivityCancelApproval:   {signalbox.CancelApprovalOf{ActivationRef: ofPages}, "artmail-activation/pages/act%2F1", workflows.UpdateCancelApproval},
	signalbox.ActivityOpenRun:          {signalbox.OpenRunOf{ActivationRef: ofPages}, "artmail-activation/pages/act%2F1", workflows.UpdateOpenRun},
	signalbox.ActivityCloseRun:         {signalbox.CloseRunOf{ActivationRef: ofPages}, "artmail-activation/pages/act%2F1", workflows.UpdateCloseRun},
}

func TestEachActivitySendsItsUpdateAndFailsAsTheClientDoes(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for _, c := range []struct {
			err      error
			sentinel error
			retried  bool
		}{
			{temporal.NewApplicationError("x", workflows.ErrTypeInvalidArgument), signalbox.ErrInvalid, false},
			{temporal.NewApplicationError("x", workflows.ErrTypeActivationPaused), signalbox.ErrPaused, false},
			{temporal.NewApplicationError("x", workflows.ErrTypeActivationEnded), signalbox.ErrEnded, false},
			{temporal.NewApplicationError("x", workflows.ErrTypeApprovalConflict), signalbox.ErrConflict, false},
			{temporal.NewApplicationError("x", workflows.ErrTypeTooMany), signalbox.ErrTooMany, false},
			{temporal.NewApplicationError("x", workflows.ErrTypeUnknownRun), signalbox.ErrNotFound, false},
			{serviceerror.NewUnavailable("x"), signalbox.ErrUnavailable, true},
			{errors.New("x"), nil, true},
		} {
			t.Run(name+" "+c.err.Error(), func(t *testing.T) {
				t.Parallel()
				server := mocks.NewClient(t)
				server.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
					return o.WorkflowID == call.workflow && o.UpdateName == call.update
				})).Return(nil, c.err)
				_, err := activityEnvironment(server, t).ExecuteActivity(name, call.argument)

				var failed *temporal.ApplicationError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, c.retried, !failed.NonRetryable())
				if c.sentinel != nil {
					require.ErrorIs(t, signalbox.Failure(err), c.sentinel)
				} else {
					require.Equal(t, err, signalbox.Failure(err))
				}
			})
		}
	}
}

func TestAnInvalidRequestIsNotRetried(t *testing.T) {
	t.Parallel()
	env := activityEnvironment(mocks.NewClient(t), t) // fails the test on any call
	_, err := env.ExecuteActivity(signalbox.ActivityStartCase, workflows.CaseStart{Reference: "a b"})
	require.ErrorIs(t, signalbox.Failure(err), signalbox.ErrInvalid)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.NonRetryable())
}

func TestTouchingInvalidRunsIsRefusedBeforeTheSignal(t *testing.T) {
	t.Parallel()
	env := activityEnvironment(mocks.NewClient(t), t) // fails the test on any call
	_, err := env.ExecuteActivity(signalbox.ActivityTouchRuns, signalbox.TouchRunsOf{ActivationRef: ofPages, Touch: workflows.TouchRuns{RunIDs: []string{"r\n"}}})
	require.ErrorIs(t, signalbox.Failure(err), signalbox.ErrInvalid)
}

func TestStartingACaseByActivityNamesTheCase(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("DescribeWorkflow", mock.Anything, "offload-case/vendor_2048", "").Return(nil, serviceerror.NewNotFound("x"))
	server.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.OffloadCaseWorkflow, mock.Anything).Return(mocks.NewWorkflowRun(t), nil)
	value, err := activityEnvironment(server, t).ExecuteActivity(signalbox.ActivityStartCase, goodStart())
	require.NoError(t, err)
	var started signalbox.StartedCase
	require.NoError(t, value.Get(&started))
	require.Equal(t, signalbox.StartedCase{Reference: "vendor_2048", WorkflowID: "offload-case/vendor_2048"}, started)
}

func TestTouchingRunsByActivityIsASignal(t *testing.T) {
	t.Parallel()
	touch := workflows.TouchRuns{RunIDs: []string{"r1"}}
	server := mocks.NewClient(t)
	server.On("SignalWorkflow", mock.Anything, "artmail-activation/pages/act%2F1", "", workflows.SignalTouchRuns, touch).Return(nil)
	_, err := activityEnvironment(server, t).ExecuteActivity(signalbox.ActivityTouchRuns, signalbox.TouchRunsOf{ActivationRef: ofPages, Touch: touch})
	require.NoError(t, err)
}

// callOnce is a workflow that calls one activity.
func callOnce(name string, argument any) func(workflow.Context) (workflows.InputReceipt, error) {
	return func(ctx workflow.Context) (receipt workflows.InputReceipt, err error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		err = workflow.ExecuteActivity(ctx, name, argument).Get(ctx, &receipt)
		return receipt, err
	}
}

// The update succeeded, its receipt was lost, and the case ended before the next attempt.
func TestAnAnswerOfAnEarlierAttemptIsNoFailure(t *testing.T) {
	t.Parallel()
	given := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	state, err := converter.GetDefaultDataConverter().ToPayloads(workflows.CaseState{
		Status:  workflows.CaseCancelled,
		Answers: []workflows.Answer{{QuestionID: "q1", Text: "Yes.", By: "ada", GivenAt: given}},
	})
	require.NoError(t, err)
	answer := func(text string) signalbox.ProvideCaseInput {
		return signalbox.ProvideCaseInput{Reference: "a", Input: workflows.ProvideInput{QuestionID: "q1", Text: text, By: "ada"}}
	}
	for name, c := range map[string]struct {
		activity string
		argument any
		lost     int
		unread   int // so many reads of the state fail
		ended    bool
	}{
		"answered before":                   {activity: signalbox.ActivityProvideInput, argument: answer(" Yes. "), lost: 1},
		"answered before, first not shown":  {activity: signalbox.ActivityProvideInput, argument: answer("Yes."), lost: 1, unread: 1},
		"cancelled before, first not shown": {activity: signalbox.ActivityCancelCase, argument: signalbox.CancelCaseOf{Reference: "a"}, lost: 1, unread: 1},
		"another answer before":             {activity: signalbox.ActivityProvideInput, argument: answer("No."), lost: 1, ended: true},
		"answered by someone else":          {activity: signalbox.ActivityProvideInput, argument: answer("Yes."), ended: true},
		"cancelled before":                  {activity: signalbox.ActivityCancelCase, argument: signalbox.CancelCaseOf{Reference: "a"}, lost: 1},
		"cancelled by someone":              {activity: signalbox.ActivityCancelCase, argument: signalbox.CancelCaseOf{Reference: "a"}, ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			if c.lost > 0 {
				server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("lost")).Times(c.lost)
			}
			server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewNotFound("already completed"))
			server.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil)
			if c.unread > 0 {
				server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).Return(nil, serviceerror.NewQueryFailed("no worker has it cached")).Times(c.unread)
			}
			server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).Return(&client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(state)}, nil).Maybe()
			env := newEnvironment()
			signalbox.NewActivities(newClient(t, server, signalbox.Options{})).Register(env)
			env.ExecuteWorkflow(callOnce(c.activity, c.argument))

			if c.ended {
				require.ErrorIs(t, signalbox.Failure(env.GetWorkflowError()), signalbox.ErrEnded)
				return
			}
			var receipt workflows.InputReceipt
			require.NoError(t, env.GetWorkflowResult(&receipt))
			if c.activity == signalbox.ActivityProvideInput {
				require.Equal(t, workflows.InputReceipt{QuestionID: "q1", GivenAt: given}, receipt)
			}
		})
	}
}

func TestAnAPIKeyOpensOnlyForItsOwnActivation(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	sealed, err := ring.Seal([]byte("art_key_1"), workflows.APIKeyContext("pages", "act/1")...)
	require.NoError(t, err)
	c := newClient(t, nil, signalbox.Options{Keyring: ring})
	params := workflows.CheckApprovalParams{Agent: "pages", ActivationID: "act/1", SealedAPIKey: sealed}
	key, err := c.OpenAPIKey(params)
	require.NoError(t, err)
	require.Equal(t, "art_key_1", key)

	params.ActivationID = "act/2"
	_, err = c.OpenAPIKey(params)
	require.Error(t, err)
	params.SealedAPIKey = nil
	_, err = c.OpenAPIKey(params)
	require.ErrorIs(t, err, signalbox.ErrNotFound)
	_, err = newClient(t, nil, signalbox.Options{}).OpenAPIKey(params)
	require.ErrorIs(t, err, signalbox.ErrNoKeyring)
}
