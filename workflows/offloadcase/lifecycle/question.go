package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ask puts a question to people when it opens, and again when an answer to it could not be delivered.
func ask(c *Case, before workflows.CaseStatus, now time.Time) {
	s := &c.State
	question := s.Facts.Question
	if s.Status != workflows.CaseInputNeeded || question == nil {
		s.Asked.RemindAt = time.Time{}
		return
	}
	switch {
	case s.Asked.QuestionID != question.ID:
		s.Asked = Asked{QuestionID: question.ID, At: now}
		post(c, Letter{ID: questionLetter(c.Start.Reference, question.ID), Question: question})
	case before != workflows.CaseInputNeeded:
		remind(c, now)
		s.Asked.At = now
	default:
		return
	}
	planReminder(c, now)
}

func planReminder(c *Case, now time.Time) {
	c.State.Asked.RemindAt = time.Time{}
	// Without anybody to tell, a reminder would only be an event in the history.
	if every := c.Start.Options.RemindAfter.Std(); every > 0 && c.Start.ReplyTo != nil {
		c.State.Asked.RemindAt = now.Add(every)
	}
}

func tickQuestion(c *Case, now time.Time) {
	s := &c.State
	if s.Status != workflows.CaseInputNeeded || s.Facts.Question == nil {
		return
	}
	if due(s.Asked.RemindAt, now) {
		remind(c, now)
		planReminder(c, now)
	}
	if due(questionExpiry(*c), now) {
		s.Asked.Expired = true
	}
}

func remind(c *Case, now time.Time) {
	s := &c.State
	s.Asked.Reminders++
	id := fmt.Sprintf("%s/reminder/%d", questionLetter(c.Start.Reference, s.Asked.QuestionID), s.Asked.Reminders)
	post(c, Letter{ID: id, Question: s.Facts.Question})
}

// questionExpiry is when attention is raised for the open question; zero when it never is or was already.
func questionExpiry(c Case) time.Time {
	s := c.State
	after := c.Start.Options.QuestionExpiresAfter.Std()
	if after <= 0 || s.Asked.Expired || s.Status != workflows.CaseInputNeeded || s.Asked.QuestionID == "" {
		return time.Time{}
	}
	return s.Asked.At.Add(after)
}

func questionLetter(reference, questionID string) string {
	return reference + "/question/" + questionID
}
