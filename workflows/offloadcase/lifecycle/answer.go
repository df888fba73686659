package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckProvideInput returns why the answer can't be accepted, or nil.
func CheckProvideInput(c Case, input workflows.ProvideInput) error {
	s := c.State
	if err := input.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if s.Status.Ended() {
		return refuseEnded(s)
	}
	if answer := acceptedAnswer(s, input.QuestionID); answer != nil {
		return rules.Refuse(workflows.ErrTypeAlreadyAnswered, "question %s was answered%s at %s", answer.QuestionID, by(answer.By), rules.Stamp(answer.GivenAt))
	}
	question := s.Facts.Question
	resolved := question != nil && question.ID == input.QuestionID && question.Status == workflows.QuestionResolved
	switch {
	case resolved:
		return rules.Refuse(workflows.ErrTypeAlreadyAnswered, "question %s was answered already, not through Signalbox", question.ID)
	case s.Status != workflows.CaseInputNeeded || question == nil:
		return rules.RefuseUntilNews(workflows.ErrTypeNoOpenQuestion, "the case is %s and asks nothing", s.Status)
	case question.ID != input.QuestionID:
		return rules.RefuseUntilNews(workflows.ErrTypeOtherQuestion, "the open question is %s", question.ID)
	}
	return nil
}

// ProvideInput adds an answer that CheckProvideInput has accepted; it is sent next.
func ProvideInput(c Case, input workflows.ProvideInput, now time.Time) Case {
	s := &c.State
	s.Answers = withAnswer(overtaken(s.Answers), workflows.Answer{QuestionID: input.QuestionID, Text: input.Text, By: input.By, GivenAt: now})
	deriveStatus(&c, workflows.NewsByApp, now)
	return c
}

// Answered applies Offload's response to an answer. No webhook reports that a case has resumed, so the case is read soon.
func Answered(c Case, questionID string, result workflows.ProvideInputResult, now time.Time) Case {
	s := &c.State
	settleAnswer(s, questionID, result)
	s.LastError = clipError(result.Message)
	if s.Status.Ended() {
		return c
	}
	s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	switch result.Result {
	case workflows.InputAccepted, workflows.InputAlreadyResolved:
		s.AcceptedAt = now
		if s.Known.QuestionID == questionID {
			s.Known.QuestionStatus = workflows.QuestionResolved
		}
	case workflows.InputNotWaiting, workflows.InputMismatch:
		s.ClosedQuestion = questionID
		s.ReadWanted = true
	case workflows.InputRejected, workflows.InputUnsettled, workflows.InputOvertaken:
		// An answer to an older question does not say anything about the present one.
		s.ReadWanted = s.ReadWanted || askedID(s.Facts) == questionID
	}
	deriveStatus(&c, workflows.NewsByApp, now)
	return c
}

// AnswerFailed applies that an answer could not be delivered, or was cancelled because the case went on without it.
func AnswerFailed(c Case, questionID string, f rules.Failure, now time.Time) Case {
	result := workflows.InputRejected
	if f.Type == rules.FailureCancelled {
		result = workflows.InputUnsettled
	}
	return Answered(c, questionID, workflows.ProvideInputResult{Result: result, Message: f.Message}, now)
}

// stillAsksAfter is how long after an answer was accepted a report that the question is open means that the answer was lost. Offload resolves
// the question when it accepts the answer; the rest is for differences between clocks and for reads that lag behind.
const stillAsksAfter = 15 * time.Minute

// applyStillAsks applies a report, of a time, that a question is open long after its answer was accepted. People are asked again; no answer is
// sent twice by itself. It follows the merge of the report.
func applyStillAsks(s *State, said workflows.CaseFacts, at time.Time) {
	asks := func(facts workflows.CaseFacts) bool {
		q := facts.Question
		return facts.Status == workflows.OffloadInputNeeded && q != nil && q.Status == workflows.QuestionPending
	}
	if !asks(said) || !asks(s.Facts) || askedID(said) != askedID(s.Facts) || !at.After(s.AcceptedAt.Add(stillAsksAfter)) {
		return
	}
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		if a := &s.Answers[i]; a.QuestionID == askedID(said) && (a.Result == workflows.InputAccepted || a.Result == workflows.InputAlreadyResolved) {
			a.Result, a.Error = workflows.InputUnsettled, "Offload accepted the answer, but still asks: answer again, or look at Offload"
		}
	}
	s.Answers = newestAnswers(s.Answers)
}

// applyClosedQuestion applies a read that says INPUT_NEEDED after Offload refused an answer because the question is not open. The read shows the
// question as open after all, or does not name the open question: then it is another one, which is not known.
func applyClosedQuestion(s *State, said workflows.CaseFacts) {
	if s.ClosedQuestion == "" || said.Status != workflows.OffloadInputNeeded {
		return
	}
	switch q := said.Question; {
	case q != nil && q.ID == s.ClosedQuestion && q.Status != workflows.QuestionResolved:
		s.ClosedQuestion = ""
	case q == nil && s.Facts.Status == workflows.OffloadInputNeeded && askedID(s.Facts) == s.ClosedQuestion:
		s.Facts.Question, s.ClosedQuestion = nil, ""
		s.Facts = s.Facts.Omitting(workflows.FieldQuestion)
	}
}

func settleAnswer(s *State, questionID string, result workflows.ProvideInputResult) {
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		if a := &s.Answers[i]; a.QuestionID == questionID && (a.Result == "" || a.Result == workflows.InputOvertaken) {
			a.Result, a.Error = result.Result, clipError(result.Message)
		}
	}
	s.Answers = newestAnswers(s.Answers)
}

// answerError returns why the newest answer to the question was not accepted; empty if that is not so, or not known.
func answerError(s State, questionID string) string {
	for _, a := range slices.Backward(s.Answers) {
		if a.QuestionID == questionID {
			return a.Error
		}
	}
	return ""
}

// overtaken marks answers without a result: the case went on without them. A call that is still running sets its result later.
func overtaken(answers []workflows.Answer) []workflows.Answer {
	answers = slices.Clone(answers)
	for i := range answers {
		if answers[i].Result == "" {
			answers[i].Result = workflows.InputOvertaken
		}
	}
	return answers
}

// acceptedAnswer returns the answer to the question that is being sent or was accepted; nil if a person may still answer.
func acceptedAnswer(s State, questionID string) *workflows.Answer {
	for i := len(s.Answers) - 1; i >= 0; i-- {
		if s.Answers[i].QuestionID != questionID {
			continue
		}
		switch s.Answers[i].Result {
		case "", workflows.InputAccepted, workflows.InputAlreadyResolved:
			return &s.Answers[i]
		case workflows.InputNotWaiting, workflows.InputMismatch, workflows.InputRejected, workflows.InputUnsettled,
			workflows.InputOvertaken:
			return nil
		}
	}
	return nil
}

// pendingAnswer returns the newest answer if it has no result yet. Older ones belong to questions that were replaced.
func pendingAnswer(s State) *workflows.Answer {
	if n := len(s.Answers); n > 0 && s.Answers[n-1].Result == "" {
		return &s.Answers[n-1]
	}
	return nil
}

const (
	// answerDelayedAfter is how long an answer may be on its way before a person should look.
	answerDelayedAfter = 3 * time.Minute
	// processedAfter is how long Offload may take to process an answer before a person should look.
	processedAfter = time.Hour
)

// answerDelayedAt returns when an answer raises attention that is not sent, or not processed by Offload; zero without such an answer.
func answerDelayedAt(s State) time.Time {
	answer := pendingAnswer(s)
	switch {
	case answer != nil:
		return answer.GivenAt.Add(answerDelayedAfter)
	case s.Status != workflows.CaseInputSent:
		return time.Time{}
	case s.AcceptedAt.After(s.Since):
		return s.AcceptedAt.Add(processedAfter)
	}
	return s.Since.Add(processedAfter)
}

// tickAnswer raises the attention for an answer. If Offload does not process it, one read shows whether the question is open: the reconcile
// activity returns only changes.
func tickAnswer(s *State, now time.Time) {
	delayed := rules.Due(answerDelayedAt(*s), now)
	if delayed && !s.AnswerDelayed && pendingAnswer(*s) == nil {
		wantReadAfter(s)
	}
	s.AnswerDelayed = delayed
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}
