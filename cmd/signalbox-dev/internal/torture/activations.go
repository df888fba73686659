package torture

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// playedActivation records what a player did in an activation, to compare it with the result.
type playedActivation struct {
	id string
	// approvals are the brand's answers by message.
	approvals   map[string]bool
	runs        []string
	deactivated bool
}

// playActivation is a brand, an agent and Artmail in one.
func (s *stage) playActivation(ctx context.Context, script activationScript) error {
	id, err := s.providers.artmail.Activate(agent)
	if err != nil {
		return err
	}
	one := s.apps.Activation(agent, id)
	s.watch.add(one.WorkflowID())
	played := playedActivation{id: id, approvals: map[string]bool{}}
	err = s.playArtmail(ctx, one, script, &played)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activations = append(s.activations, played)
	return err
}

func (s *stage) playArtmail(ctx context.Context, one *signalbox.Activation, script activationScript, played *playedActivation) error {
	for i, step := range script.steps {
		wait(ctx, script.pauses[i])
		if script.renewed[i] {
			s.renew(ctx, one.WorkflowID())
		}
		if err := s.step(ctx, one, step, script.approvals[i], played); err != nil {
			return err
		}
	}
	if script.deactivated {
		// An answer that is still on its way would come too late.
		if err := s.waits.until(ctx, played.id, "wait for all answers", func(ctx context.Context) (bool, error) {
			state, err := s.watch.readActivation(ctx, one)
			return err == nil && len(unanswered(*played, state)) == 0, err
		}); err != nil {
			return err
		}
		if err := s.providers.artmail.Deactivate(played.id, artmailsim.DeactivateUser); err != nil {
			return err
		}
		played.deactivated = true
	}
	return s.waits.until(ctx, played.id, "wait until the activation stands as at Artmail", func(ctx context.Context) (bool, error) {
		state, err := s.watch.readActivation(ctx, one)
		if err != nil {
			return false, err
		}
		if open := unanswered(*played, state); len(open) > 0 {
			return false, errors.New(open[0])
		}
		there, err := s.standing(played.id)
		if err == nil && state.Status != there {
			err = fmt.Errorf("it is %s, at Artmail %s", state.Status, there)
		}
		return err == nil, err
	})
}

func (s *stage) step(ctx context.Context, one *signalbox.Activation, step activationStep, approved bool, played *playedActivation) error {
	artmail := s.providers.artmail
	if step == stepStanding {
		err := artmail.Pause(played.id, artmailsim.PauseUser)
		if errors.Is(err, simbase.ErrTransition) {
			err = artmail.Resume(played.id)
		}
		return err
	}
	// What is left is refused while the activation is paused.
	if err := artmail.Resume(played.id); err != nil && !errors.Is(err, simbase.ErrTransition) {
		return err
	}
	if step == stepForceFail {
		run, err := artmail.OpenRun(played.id)
		if err == nil {
			played.runs = append(played.runs, run)
			err = artmail.ForceFailRun(run)
		}
		return err
	}
	message, err := artmail.RequestApproval(played.id, "May I?", "")
	if err != nil {
		return err
	}
	if step == stepEarly {
		if err := s.respond(message, approved, played); err != nil {
			return err
		}
	}
	request := workflows.ApprovalRequest{
		MessageID: message, Subject: "torture", ReplyTo: &workflows.ReplyTo{WorkflowID: appOf(played.id), Signal: signalApprovalNotice},
	}
	// It is refused until the workflow knows of the activation, and of the latest resume.
	if err := s.waits.until(ctx, played.id, "request approval "+message, func(ctx context.Context) (bool, error) {
		_, err := one.RequestApprovals(ctx, request)
		return err == nil, err
	}); err != nil || step == stepEarly {
		return err
	}
	return s.respond(message, approved, played)
}

func (s *stage) respond(message string, approved bool, played *playedActivation) error {
	_, err := s.providers.artmail.RespondApproval(message, approved, "", "")
	played.approvals[message] = approved
	return err
}

// standing is where the activation stands at Artmail, in the contract's words.
func (s *stage) standing(id string) (workflows.ActivationStatus, error) {
	there, err := s.providers.artmail.Activation(id)
	if err != nil {
		return "", err
	}
	switch there.Status {
	case artmailsim.Active:
		return workflows.ActivationActive, nil
	case artmailsim.Paused:
		return workflows.ActivationPaused, nil
	case artmailsim.Deactivated:
		return workflows.ActivationDeactivated, nil
	}
	return "", fmt.Errorf("activation %s is %s at Artmail", id, there.Status)
}

// unanswered says which approvals and runs do not stand as they should by now.
func unanswered(played playedActivation, state workflows.ActivationState) []string {
	approvals := map[string]workflows.ApprovalStatus{}
	for _, a := range state.Approvals {
		approvals[a.MessageID] = a.Status
	}
	runs := map[string]workflows.RunStatus{}
	for _, r := range state.Runs {
		runs[r.RunID] = r.Status
	}
	var open []string
	for message, approved := range played.approvals {
		if want := answerOf(approved); approvals[message] != want {
			open = append(open, fmt.Sprintf("approval %s of %s is %q, want %s", message, played.id, approvals[message], want))
		}
	}
	for _, run := range played.runs {
		if runs[run] != workflows.RunForceFailed {
			open = append(open, fmt.Sprintf("run %s of %s is %q, want %s", run, played.id, runs[run], workflows.RunForceFailed))
		}
	}
	return open
}

func answerOf(approved bool) workflows.ApprovalStatus {
	if approved {
		return workflows.ApprovalApproved
	}
	return workflows.ApprovalRejected
}
