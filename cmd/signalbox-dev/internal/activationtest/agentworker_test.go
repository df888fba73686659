package activationtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// pagesAgent is what the author of an agent writes: activities with Artmail's private API, which here is the simulator's invention.
type pagesAgent struct {
	apps    *signalbox.Client
	artmail *http.Client
	baseURL string
}

// CheckApproval is the activity "check-approval". The server asks again, with pauses, until it returns an answer.
func (a *pagesAgent) CheckApproval(ctx context.Context, params workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
	var none workflows.CheckApprovalResult
	key, err := a.apps.OpenAPIKey(params)
	if err != nil {
		return none, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.baseURL+"/agent-api/messages/"+params.MessageID, nil)
	if err != nil {
		return none, fmt.Errorf("check approval %s: %w", params.MessageID, err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := a.artmail.Do(request)
	if err != nil {
		return none, fmt.Errorf("check approval %s: %w", params.MessageID, err)
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		// Without an answer there will be none: asking again would only put off the expiry.
		return none, temporal.NewNonRetryableApplicationError("the message is gone", "MessageGone", nil)
	default:
		return none, fmt.Errorf("check approval %s: Artmail answers %d", params.MessageID, response.StatusCode)
	}
	var message struct {
		Response *struct {
			MessageID string `json:"messageId"`
			Approved  bool   `json:"approved"`
			Reason    string `json:"reason"`
		} `json:"response"`
	}
	if err := json.NewDecoder(response.Body).Decode(&message); err != nil {
		return none, fmt.Errorf("check approval %s: %w", params.MessageID, err)
	}
	if message.Response == nil {
		// Benign: waiting for a person is no failure, and is not logged as one.
		return none, temporal.NewApplicationErrorWithOptions("not answered yet", "NotAnswered", temporal.ApplicationErrorOptions{
			Category: temporal.ApplicationErrorCategoryBenign,
		})
	}
	return workflows.CheckApprovalResult{
		Approved: &message.Response.Approved, Reason: message.Response.Reason, MessageID: message.Response.MessageID,
	}, nil
}

// waitForAnswer is a workflow of the agent's author: it registers a message that was sent, and returns its approval.
func waitForAnswer(ctx workflow.Context, in signalbox.RequestApprovals) (workflows.Approval, error) {
	answers := signalbox.ReceiveNotices(ctx, "answer")
	in.Requests[0].ReplyTo = signalbox.ReplyHere(ctx, "answer")
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})
	if err := workflow.ExecuteActivity(ctx, signalbox.ActivityRequestApprovals, in).Get(ctx, nil); err != nil {
		return workflows.Approval{}, signalbox.Failure(err)
	}
	answer, err := answers.Receive(ctx)
	if err != nil {
		return workflows.Approval{}, err
	}
	return *answer.Data.Approval, nil
}

func TestAnAgentsWorkerFindsAnswersWithoutAWebhook(t *testing.T) {
	t.Parallel()
	const agent, queue = "pages", "pages-agent"
	r := startReceiver(t, receiving{
		temporal: shared.temporal,
		agents:   agents{agent: {secret}},
		options: map[string]workflows.ActivationOptions{
			agent: {CheckApprovalQueue: queue, CheckFor: workflows.Duration(5 * time.Minute)},
		},
	})
	sim := simulate(t, artmailsim.Options{Agents: []artmailsim.Agent{{Slug: agent, WebhookURL: r.url(agent), Secret: secret}}})
	api := httptest.NewServer(sim)
	t.Cleanup(api.Close)

	author := &pagesAgent{apps: shared.apps, artmail: &http.Client{Timeout: 10 * time.Second}, baseURL: api.URL}
	w := sdkworker.New(shared.temporal, queue, sdkworker.Options{})
	w.RegisterActivityWithOptions(author.CheckApproval, activity.RegisterOptions{Name: workflows.ActivityArtmailCheckApproval})
	w.RegisterWorkflow(waitForAnswer)
	signalbox.NewActivities(shared.apps).Register(w)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	id, err := sim.Activate(agent)
	require.NoError(t, err)
	testenv.Eventually(t, shared.apps.Activation(agent, id).State, holdsKey)
	wait := func(messageID string) client.WorkflowRun {
		return stories.Execute(t, shared.temporal, client.StartWorkflowOptions{ID: "wait-" + messageID, TaskQueue: queue}, waitForAnswer,
			signalbox.RequestApprovals{
				ActivationRef: signalbox.ActivationRef{Agent: agent, ActivationID: id},
				Requests:      []workflows.ApprovalRequest{{MessageID: messageID, Deadline: time.Now().Add(time.Second)}},
			})
	}
	// The first is answered before its deadline, and the webhook is lost; the second after it was asked about in vain; of the third
	// Artmail knows nothing.
	require.NoError(t, sim.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Event: artmailsim.EventApprovalResponse, Times: -1}))
	asked := [3]string{2: "never-sent"}
	for i := range 2 {
		asked[i], err = sim.RequestApproval(id, "May I?", "")
		require.NoError(t, err)
	}
	_, err = sim.RespondApproval(asked[0], true, "", "")
	require.NoError(t, err)
	var runs [3]client.WorkflowRun
	for i, message := range asked {
		runs[i] = wait(message)
	}
	one := shared.apps.Activation(agent, id)
	testenv.Eventually(t, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return shared.temporal.DescribeWorkflowExecution(ctx, one.WorkflowID(), "")
	}, func(d *workflowservice.DescribeWorkflowExecutionResponse) bool {
		return slices.ContainsFunc(d.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool {
			return a.GetLastFailure().GetApplicationFailureInfo().GetType() == "NotAnswered"
		})
	})
	_, err = sim.RespondApproval(asked[1], false, "Too loud.", "")
	require.NoError(t, err)

	var found [3]workflows.Approval
	for i, run := range runs {
		require.NoError(t, run.Get(t.Context(), &found[i]))
	}
	require.Equal(t, workflows.ApprovalApproved, found[0].Status)
	require.Equal(t, workflows.ApprovalRejected, found[1].Status)
	require.Equal(t, "Too loud.", found[1].Reason)
	require.Equal(t, workflows.ApprovalExpired, found[2].Status)
	for _, a := range found[:2] {
		require.Equal(t, workflows.NewsByPoll, a.Source)
	}
}
