package torture

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// playedCase records what a player did with a case, to compare it with the result.
type playedCase struct {
	reference string
	caseID    string
	// answered are the questions that people answered.
	answered []string
	fails    bool
}

// playCase plays the business app, the person who answers, and Offload.
func (s *stage) playCase(ctx context.Context, c caseScript) error {
	one := s.apps.Case(c.reference)
	if err := s.waits.until(ctx, c.reference, "start the case", func(ctx context.Context) (bool, error) {
		_, err := s.apps.StartCase(ctx, startOf(c))
		return err == nil, err
	}); err != nil {
		return err
	}
	s.watch.add(one.WorkflowID())
	played := playedCase{reference: c.reference, fails: c.fails}
	err := s.playOffload(ctx, one, c, &played)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cases = append(s.cases, played)
	return err
}

func (s *stage) playOffload(ctx context.Context, one *signalbox.Case, c caseScript, played *playedCase) error {
	if err := s.untilAttended(ctx, "wait for the case at Offload", one, func(context.Context) (bool, error) {
		made := s.providers.offload.CasesOf(c.reference)
		if len(made) > 0 {
			played.caseID = made[0].CaseID
		}
		return len(made) > 0, nil
	}); err != nil {
		return err
	}
	offload := s.providers.offload
	if err := offload.SendFirstMessage(played.caseID); err != nil {
		return err
	}
	for i, answered := range c.answered {
		wait(ctx, c.pauses[i])
		if c.renewed[i] {
			s.renew(ctx, one.WorkflowID())
		}
		question, err := offload.AskInput(played.caseID, fmt.Sprintf("Question %d?", i+1))
		if err != nil {
			return err
		}
		if !answered {
			continue // The next question, or the end, takes its place.
		}
		if err := s.answer(ctx, one, question); err != nil {
			return err
		}
		played.answered = append(played.answered, question)
		if err := offload.Resume(played.caseID); err != nil {
			return err
		}
	}
	wait(ctx, c.pauses[len(c.answered)])
	if err := end(offload, played); err != nil {
		return err
	}
	return s.untilAttended(ctx, "wait for the outcome", one, func(ctx context.Context) (bool, error) {
		state, err := s.watch.readCase(ctx, one)
		return err == nil && state.Outcome != nil, err
	})
}

func end(offload *offloadsim.Simulator, played *playedCase) error {
	if played.fails {
		return offload.Fail(played.caseID, offloadsim.ResultFailedRejected, "They declined.")
	}
	return offload.Complete(played.caseID, map[string]any{"signed": true})
}

// answer repeats a person's answer until Offload has it.
func (s *stage) answer(ctx context.Context, one *signalbox.Case, question string) error {
	return s.untilAttended(ctx, "answer question "+question, one, func(ctx context.Context) (bool, error) {
		if answersTo(question, s.providers.offload.CasesOf(one.Reference())) > 0 {
			return true, nil
		}
		// An error is no fault: the question may not be open here yet, or the answer may already be on its way.
		_, err := one.ProvideInput(ctx, workflows.ProvideInput{QuestionID: question, Text: "Yes.", By: "torture"})
		return false, err
	})
}

// untilAttended waits like until. Meanwhile a person decides about a case whose creation is uncertain: see attend.
func (s *stage) untilAttended(ctx context.Context, what string, one *signalbox.Case, holds func(context.Context) (bool, error)) error {
	attended := clock()
	return s.waits.until(ctx, one.Reference(), what, func(ctx context.Context) (bool, error) {
		held, err := holds(ctx)
		if held || clock().Sub(attended) < attendEvery {
			return held, err
		}
		attended = clock()
		return false, s.attend(ctx, one)
	})
}

// attend makes the decision that only a person can make: a worker that was killed while it created the case can't say whether it did. If the
// ingress has acknowledged a webhook of the case, attend decides nothing, because that webhook must prove the case.
func (s *stage) attend(ctx context.Context, one *signalbox.Case) error {
	state, err := s.watch.readCase(ctx, one)
	if err != nil || state.Status != workflows.CaseCreateUncertain || s.providers.wire.acknowledgedFor(one.Reference()) {
		return err
	}
	if made := s.providers.offload.CasesOf(one.Reference()); len(made) > 0 {
		_, err = one.Adopt(ctx, workflows.AdoptCase{CaseID: made[0].CaseID, By: "torture"})
	} else {
		_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "torture"})
	}
	if err == nil {
		s.decisions.Add(1)
	}
	return err
}

func startOf(c caseScript) workflows.CaseStart {
	return workflows.CaseStart{
		Reference: c.reference,
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: string(offloadsim.ScriptManual) + "@vendor.example", Name: "Ada Vendor"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
		ReplyTo: &workflows.ReplyTo{WorkflowID: appOf(c.reference), Signal: signalCaseNotice},
		// Offload posts each webhook once: what comes while the ingress is dead is found by polling.
		Options: workflows.CaseOptions{
			ReconcileAfter: workflows.Duration(4 * time.Second),
			PollFloor:      workflows.Duration(time.Second),
			PollCeiling:    workflows.Duration(3 * time.Second),
		},
	}
}
