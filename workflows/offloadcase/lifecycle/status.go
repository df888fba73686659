package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// deriveStatus derives the status from what is known. Because the status is derived, the order of news does not matter.
func deriveStatus(c *Case, source workflows.NewsSource, now time.Time) {
	before := c.State.Status
	enter(c, statusOf(c.State), source, now)
	ask(c, before, now)
}

// enter sets the status and its source; no other function does so. An end stays: it adds its notice, and ends what no longer matters.
func enter(c *Case, status workflows.CaseStatus, source workflows.NewsSource, now time.Time) {
	s := &c.State
	if s.Status == status || s.Status.Ended() {
		return
	}
	s.Status, s.Since, s.Source = status, now, source
	if status.Ended() {
		s.Answers = overtaken(s.Answers)
		s.Verifying, s.AdoptRefused, s.ReconcileAsked = "", false, nil
		addEndNotice(c, now)
	}
}

func statusOf(s State) workflows.CaseStatus {
	switch {
	case s.Status.Ended():
		return s.Status
	case s.CaseID == "" && s.Creation == CreationUncertain:
		return workflows.CaseCreateUncertain
	case s.CaseID == "":
		return workflows.CaseCreating
	}
	switch s.Facts.Status {
	case workflows.OffloadCompleted:
		return workflows.CaseCompleted
	case workflows.OffloadFailed:
		return workflows.CaseFailed
	case workflows.OffloadInputNeeded:
		return inputStatus(s)
	}
	return workflows.CaseRunning
}

// inputStatus decides whether a person is needed. Offload reports INPUT_NEEDED until it has processed an answer, but the question is
// RESOLVED as soon as it has accepted one (Offload, "Provide case input"). While an end is held, no question is open.
func inputStatus(s State) workflows.CaseStatus {
	question := s.Facts.Question
	switch {
	case s.HeldEnd != nil:
		return workflows.CaseRunning
	case question == nil:
		return workflows.CaseInputNeeded
	case question.Status == workflows.QuestionResolved || acceptedAnswer(s, question.ID) != nil:
		return workflows.CaseInputSent
	case question.ID == s.ClosedQuestion:
		return workflows.CaseRunning
	}
	return workflows.CaseInputNeeded
}
