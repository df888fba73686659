package signalbox_test

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// page is what the business app's workflow below wants to publish.
type page struct {
	Activation signalbox.ActivationRef
	Title      string
}

// publishPage is a workflow of a business app. It asks the brand, waits for days if need be, and goes on with the answer.
func publishPage(ctx workflow.Context, p page) (string, error) {
	const answered = "page-answered"
	answers := signalbox.ReceiveReplies[workflows.ApprovalReply](ctx, answered)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})

	// Only the agent's author knows how a message is posted to Artmail.
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

	reply, err := answers.Receive(ctx)
	if err != nil {
		return "", err
	}
	if reply.Approval.Status != workflows.ApprovalApproved {
		return fmt.Sprintf("%s is not published: %s", p.Title, reply.Approval.Status), nil
	}
	return p.Title + " is published", nil
}

// A worker of the app runs the workflow together with the activities of this package.
func ExampleActivities() {
	serve := func(c *signalbox.Client, appWorker worker.Worker) error {
		signalbox.NewActivities(c).Register(appWorker)
		appWorker.RegisterWorkflow(publishPage)
		return appWorker.Run(worker.InterruptCh())
	}
	_ = serve

	// Here the SDK's test environment stands in for the server, and two functions for the agent and for the activation.
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(func(page) (string, error) { return "msg_1", nil }, activity.RegisterOptions{Name: "post-approval-request"})
	env.RegisterActivityWithOptions(func(in signalbox.RequestApprovals) ([]workflows.Approval, error) {
		asked := in.Requests[0]
		fmt.Println("asked:", asked.Subject)
		approved := workflows.ApprovalReply{
			ID: "reply-1", Agent: in.Agent, ActivationID: in.ActivationID,
			Approval: workflows.Approval{ApprovalRequest: asked, Status: workflows.ApprovalApproved},
		}
		// At least once: the second is dropped.
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
