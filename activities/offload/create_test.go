package offload

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

const created = `{"ok":true,"data":{"caseId":"` + caseID + `"}}`

func TestCreatingSendsTheRequestWithTheCapabilityURL(t *testing.T) {
	t.Parallel()
	var body struct {
		workflows.CaseRequest
		ClientWebhookURL string `json:"clientWebhookUrl"`
	}
	var decodeErr error
	p := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		decodeErr = json.NewDecoder(r.Body).Decode(&body)
		answerWith(201, created)(w, r)
	})
	request := workflows.CaseRequest{
		Channel:           "EMAIL",
		Goal:              workflows.CaseGoal{Objective: "Get the W-9"},
		Counterparty:      workflows.Counterparty{Address: "v@example.com", Name: "V"},
		SenderPersona:     workflows.SenderPersona{Name: "Ada"},
		ClientReferenceID: "order-7",
	}
	result, err := run[workflows.CreateCaseResult](t, p.Activities, creates,
		workflows.CreateCaseParams{Account: "default", Reference: "order-7", Request: request})
	require.NoError(t, err)
	require.NoError(t, decodeErr)
	require.Equal(t, workflows.CreateCaseResult{CaseID: caseID}, result)
	require.Equal(t, request, body.CaseRequest)

	rest, ok := strings.CutPrefix(body.ClientWebhookURL, "https://hooks.example.com/signalbox/webhooks/offload/order-7/")
	require.True(t, ok, body.ClientWebhookURL)
	require.NoError(t, p.keys.VerifyToken(rest, workflows.OffloadTokenContext("order-7")...))
}

func TestAFailedCreationShowsNoCapabilityURL(t *testing.T) {
	t.Parallel()
	p := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			URL string `json:"clientWebhookUrl"`
		}
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			return
		}
		answer, _ := json.Marshal(map[string]any{"error": map[string]string{"code": "INVALID_REQUEST", "message": "unreachable: " + body.URL}})
		answerWith(400, string(answer))(w, r)
	})
	_, err := run[any](t, p.Activities, creates, paramsOf(creates))
	require.ErrorContains(t, err, "INVALID_REQUEST: unreachable: [secret]")
	require.NotContains(t, err.Error(), p.keys.Token(workflows.OffloadTokenContext("order-7")...))
}

func TestAResetRunPostsOnlyIfAPersonAskedIt(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(201, created))
	params := workflows.CreateCaseParams{Account: "default", Reference: "order-7", OriginalRunID: "another-run"}
	_, err := run[any](t, p.Activities, creates, params)
	appErr := applicationError(t, err)
	require.Equal(t, workflows.ErrTypeOffloadUncertain, appErr.Type())
	require.True(t, appErr.NonRetryable())
	require.Contains(t, appErr.Message(), "this run was reset")
	require.Zero(t, p.requests.Load())

	params.AskedRun = "another-run"
	_, err = run[any](t, p.Activities, creates, params)
	require.Equal(t, workflows.ErrTypeOffloadUncertain, applicationError(t, err).Type(), "the reset repeated what a person asked the earlier run")
	require.Zero(t, p.requests.Load())

	params.AskedRun = testsuiteRunID
	_, err = run[any](t, p.Activities, creates, params)
	require.NoError(t, err)
	params.AskedRun, params.OriginalRunID = "", testsuiteRunID
	_, err = run[any](t, p.Activities, creates, params)
	require.NoError(t, err)
	require.EqualValues(t, 2, p.requests.Load())
}

// testsuiteRunID is the run ID of the SDK's test environment.
const testsuiteRunID = "default-test-run-id"

// createWorkflow creates a case with the retry policy that the package comment requires.
func createWorkflow(ctx workflow.Context, known []string) (workflows.CreateCaseResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 20, NonRetryableErrorTypes: known},
	})
	var result workflows.CreateCaseResult
	err := workflow.ExecuteActivity(ctx, creates, paramsOf(creates)).Get(ctx, &result)
	return result, err
}

func runCreateWorkflow(t *testing.T, a *Activities, stopFor ...string) (workflows.CreateCaseResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	// A busy machine, with the race detector on, takes longer than the SDK allows: 1 s for a workflow task, 3 s for an activity.
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	a.Register(env)
	env.RegisterWorkflow(createWorkflow)
	env.ExecuteWorkflow(createWorkflow, stopFor)
	var result workflows.CreateCaseResult
	if err := env.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, env.GetWorkflowResult(&result)
}

func TestAnUncertainCreationIsNotRetried(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"500":      answerWith(500, envelope("INTERNAL_ERROR")),
		"reset":    breakOff,
		"2xx":      answerWith(200, `{"ok":true,"data":{}}`),
		"rejected": answerWith(400, envelope("INVALID_REQUEST")),
	} {
		p := newProvider(t, handler)
		_, err := runCreateWorkflow(t, p.Activities)
		require.Error(t, err, name)
		require.EqualValues(t, 1, p.requests.Load(), name)
	}
}

func TestAThrottledCreationIsRetried(t *testing.T) {
	t.Parallel()
	var p *provider
	p = newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if p.requests.Load() < 4 {
			answerWith(429, ``, "Retry-After", "30")(w, r)
			return
		}
		answerWith(202, created)(w, r)
	})
	result, err := runCreateWorkflow(t, p.Activities)
	require.NoError(t, err)
	require.Equal(t, caseID, result.CaseID)
	require.EqualValues(t, 4, p.requests.Load())
}

func TestAFailureThatNeedsAPersonIsRetriedUnlessThePolicyNamesIt(t *testing.T) {
	t.Parallel()
	var p *provider
	p = newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if p.requests.Load() < 3 {
			answerWith(429, envelope("USAGE_LIMIT_REACHED"))(w, r)
			return
		}
		answerWith(202, created)(w, r)
	})
	_, err := runCreateWorkflow(t, p.Activities, workflows.ErrTypeOffloadUsageLimit)
	require.Equal(t, workflows.ErrTypeOffloadUsageLimit, applicationError(t, err).Type())
	require.EqualValues(t, 1, p.requests.Load())

	_, err = runCreateWorkflow(t, p.Activities)
	require.NoError(t, err)
	require.EqualValues(t, 3, p.requests.Load())
}
