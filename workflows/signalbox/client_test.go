package signalbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func newClient(t *testing.T, server client.Client, options signalbox.Options) *signalbox.Client {
	t.Helper()
	c, err := signalbox.New(server, options)
	require.NoError(t, err)
	return c
}

func goodStart() workflows.CaseStart {
	return workflows.CaseStart{
		Reference: "vendor_2048",
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	}
}

func TestAWebhookURLOpensOnlyItsOwnCase(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	c := newClient(t, nil, signalbox.Options{Keyring: ring, PublicURL: "https://hooks.example.com/base/"})
	u, err := c.WebhookURL("vendor_2048")
	require.NoError(t, err)
	token, found := strings.CutPrefix(u, "https://hooks.example.com/base/webhooks/offload/vendor_2048/")
	require.True(t, found, u)
	require.NoError(t, ring.VerifyToken(token, workflows.OffloadTokenContext("vendor_2048")...))
	require.ErrorIs(t, ring.VerifyToken(token, workflows.OffloadTokenContext("vendor_2049")...), keyring.ErrToken)

	_, err = c.WebhookURL("a b")
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	_, err = newClient(t, nil, signalbox.Options{PublicURL: "https://h.example.com"}).WebhookURL("a")
	require.ErrorIs(t, err, signalbox.ErrNoKeyring)
	_, err = newClient(t, nil, signalbox.Options{Keyring: ring}).WebhookURL("a")
	require.ErrorIs(t, err, signalbox.ErrInvalid)
}

func TestAPublicURLThatProvidersCannotUseIsRefused(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"hooks.example.com", "ftp://h", "https://", "https://h?x=1", "https://h#x", "http://[::1"} {
		_, err := signalbox.New(nil, signalbox.Options{PublicURL: u})
		require.ErrorIs(t, err, signalbox.ErrInvalid, u)
	}
}

func TestAnInvalidStartNeverReachesTemporal(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t) // fails the test on any call
	_, err := newClient(t, server, signalbox.Options{}).StartCase(t.Context(), workflows.CaseStart{Reference: "a b"})
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	require.ErrorContains(t, err, "start case: ")
	require.ErrorContains(t, err, "reference")
	require.ErrorContains(t, err, "request or caseId")
}

func TestARequestWithAnUnusableSchemaNeverReachesTemporal(t *testing.T) {
	t.Parallel()
	c := newClient(t, mocks.NewClient(t), signalbox.Options{})
	start := goodStart()
	start.Request.ResultSchema = json.RawMessage(`{"properties":{"a":{"type":"nmber"}}}`)
	_, err := c.StartCase(t.Context(), start)
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	require.ErrorIs(t, err, workflows.ErrInvalidStart)
	require.ErrorContains(t, err, "start case vendor_2048: ")
	require.ErrorContains(t, err, "request.resultSchema: not a usable JSON Schema: at /properties/a/type")
	require.NotContains(t, err.Error(), "nmber")
	_, err = c.Case("vendor_2048").RetryCreate(t.Context(), workflows.RetryCreate{Request: start.Request})
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	require.ErrorContains(t, err, "request.resultSchema")
}

func TestAReferenceReservedForCanariesIsRefused(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t) // fails the test on any call
	start := goodStart()
	start.Reference = workflows.CanaryReference("1")
	_, err := newClient(t, server, signalbox.Options{}).StartCase(t.Context(), start)
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	require.ErrorContains(t, err, "choose another")
}

func TestACaseIsStartedOnceForItsReference(t *testing.T) {
	t.Parallel()
	var options client.StartWorkflowOptions
	server := mocks.NewClient(t)
	server.On("DescribeWorkflow", mock.Anything, "offload-case/vendor_2048", "").Return(nil, serviceerror.NewNotFound("x"))
	server.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.OffloadCaseWorkflow, goodStart().Normalized()).
		Run(func(args mock.Arguments) { options = args.Get(1).(client.StartWorkflowOptions) }).
		Return(mocks.NewWorkflowRun(t), nil)
	_, err := newClient(t, server, signalbox.Options{}).StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	require.Equal(t, "offload-case/vendor_2048", options.ID)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	require.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)

	away := mocks.NewClient(t) // fails the test on a start
	away.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, serviceerror.NewUnavailable("x"))
	_, err = newClient(t, away, signalbox.Options{}).StartCase(t.Context(), goodStart())
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
}

func TestACheckIsASignalThatNamesWhoAsked(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("SignalWorkflow", mock.Anything, "offload-case/a", "", workflows.SignalReconcileNow, workflows.ReconcileNow{By: "ada"}).Return(nil)
	require.NoError(t, newClient(t, server, signalbox.Options{}).Case("a").ReconcileNow(t.Context(), "ada"))

	refused := newClient(t, mocks.NewClient(t), signalbox.Options{}).Case("a").ReconcileNow(t.Context(), strings.Repeat("x", 501))
	require.ErrorIs(t, refused, signalbox.ErrInvalid)

	ended := mocks.NewClient(t)
	ended.On("SignalWorkflow", mock.Anything, mock.Anything, "", mock.Anything, mock.Anything).Return(serviceerror.NewNotFound("x"))
	ended.On("DescribeWorkflow", mock.Anything, "offload-case/a", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil)
	require.ErrorIs(t, newClient(t, ended, signalbox.Options{}).Case("a").ReconcileNow(t.Context(), "ada"), signalbox.ErrEnded)
}

func TestRefusedUpdatesAreSentinels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"blank":             {temporal.NewApplicationError("x", workflows.ErrTypeInvalidArgument), signalbox.ErrInvalid},
		"no question":       {temporal.NewApplicationError("x", workflows.ErrTypeNoOpenQuestion), signalbox.ErrNoOpenQuestion},
		"other question":    {temporal.NewApplicationError("x", workflows.ErrTypeOtherQuestion), signalbox.ErrOtherQuestion},
		"answered":          {temporal.NewApplicationError("x", workflows.ErrTypeAlreadyAnswered), signalbox.ErrAlreadyAnswered},
		"ended":             {temporal.NewApplicationError("x", workflows.ErrTypeCaseEnded), signalbox.ErrEnded},
		"worker away":       {serviceerror.NewWorkflowNotReady("x"), signalbox.ErrUnavailable},
		"paused":            {serviceerror.NewFailedPrecondition("Workflow is paused. Cannot update the workflow."), signalbox.ErrUnavailable},
		"server away":       {serviceerror.NewUnavailable("x"), signalbox.ErrUnavailable},
		"no namespace":      {serviceerror.NewNamespaceNotFound("x"), signalbox.ErrUnavailable},
		"namespace away":    {serviceerror.NewNamespaceUnavailable("x"), signalbox.ErrUnavailable},
		"namespace idle":    {serviceerror.NewNamespaceNotActive("x", "here", "there"), signalbox.ErrUnavailable},
		"namespace deleted": {serviceerror.NewNamespaceInvalidState("x", enumspb.NAMESPACE_STATE_DELETED, nil), signalbox.ErrUnavailable},
		"not permitted":     {serviceerror.NewPermissionDenied("x", ""), signalbox.ErrAccessDenied},
		"not known":         {status.Error(codes.Unauthenticated, "x"), signalbox.ErrAccessDenied},
		"invalid":           {serviceerror.NewInvalidArgument("blob size exceeds limit"), signalbox.ErrInvalid},
		"caller's deadline": {context.DeadlineExceeded, context.DeadlineExceeded},
		"anything else":     {errors.New("x"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, c.err)
			_, err := newClient(t, server, signalbox.Options{}).Case("a").ProvideInput(t.Context(), workflows.ProvideInput{})
			require.ErrorIs(t, err, c.err, "the cause stays")
			require.ErrorContains(t, err, "answer case a")
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

// These errors have the type of an invalid request, but the request is valid.
func TestARequestThatTemporalCanTakeLaterIsNotInvalid(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, serviceerror.NewNotFound("x"))
	server.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute SignalboxState"))
	server.On("ListWorkflow", mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewInvalidArgument("invalid query: invalid search attribute: SignalboxAttention"))
	server.On("SignalWorkflow", mock.Anything, mock.Anything, "", mock.Anything, mock.Anything).
		Return(serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"))
	c := newClient(t, server, signalbox.Options{})
	_, startErr := c.StartCase(t.Context(), goodStart())
	_, listErr := c.ListCases(t.Context(), signalbox.CaseFilter{})
	_, toDoErr := c.ToDo(t.Context(), signalbox.ToDoOptions{})
	for name, err := range map[string]error{"start": startErr, "list": listErr, "to-do list": toDoErr, "check": c.Case("a").ReconcileNow(t.Context(), "ada")} {
		require.ErrorIs(t, err, signalbox.ErrUnavailable, name)
		require.NotErrorIs(t, err, signalbox.ErrInvalid, name)
	}
	_, err := activityEnvironment(server, t).ExecuteActivity(signalbox.ActivityStartCase, goodStart())
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.False(t, failed.NonRetryable(), "a workflow's start waits for the search attributes")
}

func TestAWaitOutlastsANamespaceThatIsAway(t *testing.T) {
	t.Parallel()
	server, run := mocks.NewClient(t), mocks.NewWorkflowRun(t)
	server.On("GetWorkflow", mock.Anything, "offload-case/a", "").Return(run)
	run.On("Get", mock.Anything, mock.Anything).Return(serviceerror.NewNamespaceUnavailable("x")).Once()
	run.On("Get", mock.Anything, mock.Anything).Return(nil).Once()
	_, err := newClient(t, server, signalbox.Options{}).Case("a").Wait(t.Context())
	require.NoError(t, err)

	// A client with a wrong key does not wait for ever.
	run.On("Get", mock.Anything, mock.Anything).Return(serviceerror.NewPermissionDenied("x", "")).Once()
	_, err = newClient(t, server, signalbox.Options{}).Case("a").Wait(t.Context())
	require.ErrorIs(t, err, signalbox.ErrAccessDenied)
}

func TestAStateThatCannotBeReadNowIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer *client.QueryWorkflowWithOptionsResponse
		err    error
	}{
		"no worker for a while": {err: serviceerror.NewFailedPrecondition("no poller seen for task queue recently, worker may be down")},
		"history went on":       {err: serviceerror.NewQueryFailed("[TMPRL1100] invalid state transition")},
		"paused in Temporal":    {answer: &client.QueryWorkflowWithOptionsResponse{QueryRejected: &querypb.QueryRejected{Status: enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).Return(c.answer, c.err)
			_, err := newClient(t, server, signalbox.Options{}).Case("a").State(t.Context())
			require.ErrorIs(t, err, signalbox.ErrUnavailable)
			require.NotErrorIs(t, err, signalbox.ErrEnded)
			require.ErrorContains(t, err, "read case a")
		})
	}
}

func described(status enumspb.WorkflowExecutionStatus) *client.WorkflowExecutionDescription {
	return &client.WorkflowExecutionDescription{WorkflowExecutionMetadata: client.WorkflowExecutionMetadata{Status: status}}
}

func TestAnEndedCaseAndAMissingCaseHaveDifferentErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status enumspb.WorkflowExecutionStatus
		err    error
		want   error
	}{
		"ended":      {status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, want: signalbox.ErrEnded},
		"terminated": {status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, want: signalbox.ErrTerminated},
		"never was":  {err: serviceerror.NewNotFound("x"), want: signalbox.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewNotFound("x"))
			server.On("DescribeWorkflow", mock.Anything, "offload-case/a", "").Return(described(c.status), c.err)
			_, err := newClient(t, server, signalbox.Options{}).Case("a").Cancel(t.Context(), workflows.CancelCase{})
			require.ErrorIs(t, err, c.want)
		})
	}
}
