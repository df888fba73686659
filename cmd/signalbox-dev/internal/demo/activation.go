package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
)

func activation(ctx context.Context, s *stage) error {
	artmail := s.instance.Simulators.Artmail
	id, err := artmail.Activate(dev.Agent)
	if err != nil {
		return err
	}
	one := s.instance.Apps.Activation(dev.Agent, id)
	s.say("a brand activates %s; Artmail shows the API key once", dev.Agent)
	if _, err := await(ctx, one.State, func(state workflows.ActivationState) bool {
		return state.Status == workflows.ActivationActive && len(state.SealedAPIKey) > 0
	}); err != nil {
		return err
	}
	s.showLink(one.WorkflowID())
	key, err := one.RevealAPIKey(ctx)
	if err != nil {
		return err
	}
	if !artmail.HoldsAPIKey(id, key) {
		return errors.New("the opened API key is not the one that Artmail showed")
	}
	s.say("active; the API key is kept sealed, and it opens to the key that Artmail showed")
	if err := approve(ctx, s, id); err != nil {
		return err
	}
	return forceFail(ctx, s, id)
}

// approve requests an approval and makes the brand approve it.
func approve(ctx context.Context, s *stage, activationID string) error {
	artmail := s.instance.Simulators.Artmail
	one := s.instance.Apps.Activation(dev.Agent, activationID)
	messageID, err := artmail.RequestApproval(activationID, "May I publish the landing page?", "")
	if err != nil {
		return err
	}
	app, err := startListening(ctx, s, messageID, workflows.NoticeApprovalApproved)
	if err != nil {
		return err
	}
	if _, err := one.RequestApprovals(ctx, workflows.ApprovalRequest{
		MessageID: messageID, Subject: "publish the landing page", ReplyTo: app.replyTo(),
	}); err != nil {
		return err
	}
	s.say("the agent asks: May I publish the landing page?")
	if _, err := artmail.RespondApproval(messageID, true, "Looks good.", ""); err != nil {
		return err
	}
	state, err := await(ctx, one.State, func(state workflows.ActivationState) bool {
		return approval(state, messageID).Status != workflows.ApprovalOpen
	})
	if err != nil {
		return err
	}
	got := approval(state, messageID)
	s.say("the brand answers: %s (%s)", got.Status, got.Reason)
	if got.Status != workflows.ApprovalApproved {
		return fmt.Errorf("the approval is %s, want %s", got.Status, workflows.ApprovalApproved)
	}
	return app.receivesNotices(ctx, s)
}

// forceFail opens a run with an open approval and makes Artmail force-fail the run.
func forceFail(ctx context.Context, s *stage, activationID string) error {
	artmail := s.instance.Simulators.Artmail
	one := s.instance.Apps.Activation(dev.Agent, activationID)
	runID, err := artmail.OpenRun(activationID)
	if err != nil {
		return err
	}
	app, err := startListening(ctx, s, runID, workflows.NoticeRunForceFailed)
	if err != nil {
		return err
	}
	if _, err := one.OpenRun(ctx, workflows.OpenRun{RunID: runID, ReplyTo: app.replyTo()}); err != nil {
		return err
	}
	messageID, err := artmail.RequestApproval(activationID, "May I send the campaign?", runID)
	if err != nil {
		return err
	}
	if _, err := one.RequestApprovals(ctx, workflows.ApprovalRequest{MessageID: messageID, RunID: runID}); err != nil {
		return err
	}
	s.say("a run waits for an approval and stays idle for too long")
	if err := artmail.ForceFailRun(runID); err != nil {
		return err
	}
	state, err := await(ctx, one.State, func(state workflows.ActivationState) bool {
		return run(state, runID).Status != workflows.RunOpen
	})
	if err != nil {
		return err
	}
	gotRun, gotApproval := run(state, runID), approval(state, messageID)
	s.say("the run is %s, its approval %s", gotRun.Status, gotApproval.Status)
	if gotRun.Status != workflows.RunForceFailed || gotApproval.Status != workflows.ApprovalVoided {
		return fmt.Errorf("run %s and approval %s, want %s and %s", gotRun.Status, gotApproval.Status, workflows.RunForceFailed, workflows.ApprovalVoided)
	}
	return app.receivesNotices(ctx, s)
}

// approval returns the approval with the message ID; an open one if the state does not list it.
func approval(state workflows.ActivationState, messageID string) workflows.Approval {
	for _, a := range state.Approvals {
		if a.MessageID == messageID {
			return a
		}
	}
	return workflows.Approval{Status: workflows.ApprovalOpen}
}

// run returns the run with the ID; an open one if the state does not list it.
func run(state workflows.ActivationState, runID string) workflows.Run {
	for _, r := range state.Runs {
		if r.RunID == runID {
			return r
		}
	}
	return workflows.Run{Status: workflows.RunOpen}
}
