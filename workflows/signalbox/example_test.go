package signalbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// page is the page that the business app's workflow below publishes.
type page struct {
	Activation signalbox.ActivationRef
	Title      string
}

// publishPage is a workflow of a business app. It asks the brand, waits up to days for the answer, and follows it.
func publishPage(ctx workflow.Context, p page) (string, error) {
	const answered = "page-answered"
	answers := signalbox.ReceiveNotices(ctx, answered)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})

	// Only the agent's author knows how to post a message to Artmail.
	var messageID string
	if err := workflow.ExecuteActivity(ctx, "post-approval-request", p).Get(ctx, &messageID); err != nil {
		return "", err
	}
	err := workflow.ExecuteActivity(ctx, signalbox.ActivityRequestApprovals, signalbox.RequestApprovals{
		ActivationRef: p.Activation,
		Requests: []workflows.ApprovalRequest{{
			MessageID: messageID,
			Subject:   "Publish " + p.Title,
			Deadline:  workflow.Now(ctx).Add(7 * 24 * time.Hour),
			ReplyTo:   signalbox.ReplyHere(ctx, answered),
		}},
	}).Get(ctx, nil)
	switch err := signalbox.Failure(err); {
	case errors.Is(err, signalbox.ErrPaused), errors.Is(err, signalbox.ErrEnded):
		return "the brand has no use for it now", nil
	case err != nil:
		return "", err
	}

	answer, err := answers.Receive(ctx)
	if err != nil {
		return "", err
	}
	if answer.Kind != workflows.NoticeApprovalApproved {
		return fmt.Sprintf("%s is not published: %s", p.Title, answer.Data.Approval.Status), nil
	}
	return p.Title + " is published", nil
}

// A worker of the app runs the workflow and the activities of this package.
func ExampleActivities() {
	serve := func(c *signalbox.Client, appWorker worker.Worker) error {
		signalbox.NewActivities(c).Register(appWorker)
		appWorker.RegisterWorkflow(publishPage)
		return appWorker.Run(worker.InterruptCh())
	}
	_ = serve

	// Here the SDK's test environment replaces the server, and two functions replace the agent and the activation.
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	// A busy machine, with the race detector on, takes longer than the SDK allows: 1 s for a workflow task, 3 s for an activity.
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.RegisterActivityWithOptions(func(page) (string, error) { return "msg_1", nil }, activity.RegisterOptions{Name: "post-approval-request"})
	env.RegisterActivityWithOptions(func(in signalbox.RequestApprovals) ([]workflows.Approval, error) {
		asked := in.Requests[0]
		fmt.Println("asked:", asked.Subject)
		approved := workflows.Notice{
			ID: "ntc_1", Kind: workflows.NoticeApprovalApproved, Agent: in.Agent, ActivationID: in.ActivationID,
			Data: workflows.NoticeData{Approval: &workflows.Approval{ApprovalRequest: asked, Status: workflows.ApprovalApproved}},
		}
		// Delivery is at least once: the second one is dropped.
		env.SignalWorkflow(asked.ReplyTo.Signal, approved)
		env.SignalWorkflow(asked.ReplyTo.Signal, approved)
		return []workflows.Approval{{ApprovalRequest: asked, Status: workflows.ApprovalOpen}}, nil
	}, activity.RegisterOptions{Name: signalbox.ActivityRequestApprovals})

	env.ExecuteWorkflow(publishPage, page{Activation: signalbox.ActivationRef{Agent: "pages", ActivationID: "act_1"}, Title: "Spring sale"})
	var outcome string
	if err := env.GetWorkflowResult(&outcome); err != nil {
		fmt.Println(err)
	}
	fmt.Println(outcome)
	// Output:
	// asked: Publish Spring sale
	// Spring sale is published
}

// pagesAgent has the activities of an agent's author, who alone knows Artmail's private API.
type pagesAgent struct {
	apps    *signalbox.Client
	artmail *http.Client
	baseURL string
}

// checkApproval asks Artmail, after an approval's deadline, for an answer that no webhook brought. Temporal repeats it with pauses until
// it returns one.
func (a *pagesAgent) checkApproval(ctx context.Context, params workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
	var result workflows.CheckApprovalResult
	key, err := a.apps.OpenAPIKey(params)
	if err != nil {
		return result, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.baseURL+"/messages/"+params.MessageID, nil)
	if err != nil {
		return result, fmt.Errorf("check approval %s: %w", params.MessageID, err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := a.artmail.Do(request)
	if err != nil {
		return result, fmt.Errorf("check approval %s: %w", params.MessageID, err)
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(response.Body).Decode(&result); err != nil {
			return result, fmt.Errorf("check approval %s: %w", params.MessageID, err)
		}
		return result, nil
	case http.StatusNoContent:
		// Benign: waiting for a person is not a failure, and is not logged as one.
		return result, temporal.NewApplicationErrorWithOptions("not answered yet", "NotAnswered", temporal.ApplicationErrorOptions{
			Category: temporal.ApplicationErrorCategoryBenign,
		})
	default:
		return result, fmt.Errorf("check approval %s: Artmail answers %d", params.MessageID, response.StatusCode)
	}
}

// The worker of an agent polls the task queue that the agent's configuration names, and runs its "check-approval".
func ExampleClient_OpenAPIKey() {
	serve := func(agent *pagesAgent, agentWorker worker.Worker) error {
		agentWorker.RegisterActivityWithOptions(agent.checkApproval, activity.RegisterOptions{Name: workflows.ActivityArtmailCheckApproval})
		return agentWorker.Run(worker.InterruptCh())
	}
	_ = serve

	// Here a function replaces Artmail, the SDK's test environment the server, and a new keyring that of the ingress, which sealed the key.
	artmail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer art_agent_1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, `{"approved": true, "reason": "Lovely.", "messageId": "msg_2"}`)
	}))
	defer artmail.Close()
	ring, err := keyring.Generate()
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, err := ring.Seal([]byte("art_agent_1"), workflows.APIKeyContext("pages", "act_1")...)
	if err != nil {
		fmt.Println(err)
		return
	}
	apps, err := signalbox.New(nil, signalbox.Options{Keyring: ring})
	if err != nil {
		fmt.Println(err)
		return
	}
	agent := &pagesAgent{apps: apps, artmail: &http.Client{Timeout: 10 * time.Second}, baseURL: artmail.URL}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(agent.checkApproval)
	answer, err := env.ExecuteActivity(agent.checkApproval, workflows.CheckApprovalParams{
		Agent: "pages", ActivationID: "act_1", MessageID: "msg_1", SealedAPIKey: sealed,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var result workflows.CheckApprovalResult
	if err := answer.Get(&result); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*result.Approved, result.Reason, result.MessageID)
	// Output: true Lovely. msg_2
}
