package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// ask notifies people of a question when it opens. It notifies them again when its text comes later, when the question was unknown for a while,
// or when an answer to it could not be delivered.
func ask(c *Case, before workflows.CaseStatus, now time.Time) {
	s := &c.State
	question := s.Facts.Question
	if s.Status != workflows.CaseInputNeeded || question == nil {
		s.Asked.RemindAt = time.Time{}
		s.Asked.Unknown = s.Asked.Unknown && s.Status == workflows.CaseInputNeeded
		withdrawQuestion(s)
		return
	}
	switch {
	case s.Asked.QuestionID != question.ID:
		s.Asked = Asked{QuestionID: question.ID, At: now, WithoutText: question.Text == ""}
		addQuestionNotice(c, question.ID, now)
	case s.Asked.WithoutText && question.Text != "":
		s.Asked.WithoutText = false
		addQuestionNotice(c, question.ID+"\x00text", now)
	case before != workflows.CaseInputNeeded || s.Asked.Unknown:
		remind(c, now)
		s.Asked.At, s.Asked.Expired, s.Asked.Unknown = now, false, false
	default:
		return
	}
	planReminder(c, now)
}

// asksUnknown reports whether Offload asks a question that is not known, and no read is under way that may bring it. Without a question, no notice
// asks people, so the attention is announced.
func asksUnknown(s State) bool {
	return s.Status == workflows.CaseInputNeeded && s.Facts.Question == nil && !s.ReadWanted
}

func planReminder(c *Case, now time.Time) {
	c.State.Asked.RemindAt = time.Time{}
	if every := c.Start.Options.RemindAfter.Std(); every > 0 {
		c.State.Asked.RemindAt = now.Add(every)
	}
}

func tickQuestion(c *Case, now time.Time) {
	if rules.Due(c.State.Asked.RemindAt, now) {
		remind(c, now)
		planReminder(c, now)
	}
	if rules.Due(questionExpiresAt(*c), now) {
		c.State.Asked.Expired = true
	}
}

func remind(c *Case, now time.Time) {
	addQuestionNotice(c, c.State.Asked.QuestionID+"\x00"+c.State.Outbox.NewSubject(now), now)
}

// questionExpiresAt returns when the open question expires or has expired; zero if it never does.
func questionExpiresAt(c Case) time.Time {
	s := c.State
	after := c.Start.Options.QuestionExpiresAfter.Std()
	if after <= 0 || s.Status != workflows.CaseInputNeeded || s.Facts.Question == nil {
		return time.Time{}
	}
	return s.Asked.At.Add(after)
}
