package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// deriveStatus derives the status from what is known. Because the status is derived, the order of news does not matter.
func deriveStatus(c *Case, source workflows.NewsSource, now time.Time) {
	before := c.State.Status
	enter(c, statusOf(c.State), source, now)
	ask(c, before, now)
}

func enter(c *Case, status workflows.CaseStatus, source workflows.NewsSource, now time.Time) {
	s := &c.State
	if s.Status == status || s.Status.Ended() {
		return
	}
	s.Status, s.Since, s.Source = status, now, source
	if status.Ended() {
		s.Answers = overtaken(s.Answers)
		s.Verifying, s.AdoptRefused, s.Check = "", false, nil
		postEnd(c, now)
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
// RESOLVED as soon as it has accepted one (Offload, "Provide case input").
func inputStatus(s State) workflows.CaseStatus {
	question := s.Facts.Question
	switch {
	case question == nil:
		return workflows.CaseInputNeeded
	case question.Status == workflows.QuestionResolved || acceptedAnswer(s, question.ID) != nil:
		return workflows.CaseInputSent
	case question.ID == s.ClosedQuestion:
		return workflows.CaseRunning
	}
	return workflows.CaseInputNeeded
}

// Cancel ends the case in Signalbox. Offload has no cancel, so the case goes on there.
func Cancel(c Case, cancel workflows.CancelCase, now time.Time) Case {
	s := &c.State
	applyHeldEnd(&c, now)
	if s.Status.Ended() {
		return c
	}
	reason := "cancelled" + by(cancel.By)
	if cancel.Reason != "" {
		reason += ": " + cancel.Reason
	}
	s.Reason = workflows.Clip(reason, maxReasonBytes)
	enter(&c, workflows.CaseCancelled, workflows.NewsByApp, now)
	dropQuestionNotices(s)
	return c
}

// CheckCancel returns why the case can't be cancelled now, or nil.
func CheckCancel(c Case, cancel workflows.CancelCase) error {
	if err := cancel.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if c.State.Status.Ended() {
		return refuseEnded(c.State)
	}
	return nil
}

// Tick applies the time: the deadline, reminders, the expiry of a question, and a creation or an answer that takes too long. The loop
// calls it once in each turn, after all other news. It posts notices of new attention.
func Tick(c Case, now time.Time) Case {
	s := &c.State
	if !s.Status.Ended() {
		tickDeadline(&c, now)
		tickQuestion(&c, now)
		s.NotCreated = s.NotCreated || rules.Due(notCreatedAt(*s), now)
		s.AnswerDelayed = rules.Due(answerDelayedAt(*s), now)
	}
	s.Outbox = s.Outbox.Tick(now)
	postAttention(&c, now)
	return c
}

func tickDeadline(c *Case, now time.Time) {
	s := &c.State
	switch {
	case !rules.Due(c.Start.Options.Deadline, now) || s.Expiring:
	case s.CaseID == "":
		expire(c, "", now)
	default:
		s.Expiring, s.ReadWanted = true, true
	}
}

func expire(c *Case, detail string, now time.Time) {
	if c.State.Status.Ended() {
		return
	}
	c.State.Reason = workflows.Clip("the deadline "+rules.Stamp(c.Start.Options.Deadline)+" passed"+detail, maxReasonBytes)
	enter(c, workflows.CaseExpired, workflows.NewsByClock, now)
	dropQuestionNotices(&c.State)
}
