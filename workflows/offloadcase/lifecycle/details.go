package lifecycle

import (
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// WaitingFor returns a sentence or two, in Markdown, about what happens next and what a person can do.
func WaitingFor(c Case) string {
	return strings.TrimSpace(waitingFor(c) + " " + c.State.Outbox.Trouble())
}

func waitingFor(c Case) string {
	s := c.State
	if !s.GraceUntil.IsZero() && !s.Expiring && !s.Status.Ended() {
		return "The deadline passed while Temporal was away; the case waits for events from an outage until " + rules.Stamp(s.GraceUntil) + "."
	}
	switch s.Status {
	case workflows.CaseCreating:
		return waitingForCreation(s)
	case workflows.CaseCreateUncertain:
		return waitingForCertainty(s)
	case workflows.CaseRunning:
		if s.Expiring {
			return "The deadline passed; a last read of the case is under way."
		}
		return waitingForNews(s)
	case workflows.CaseInputNeeded:
		if s.Facts.Question == nil {
			return "Offload asks a question but has not said which; its webhook or the next read brings it."
		}
		return "A person has to answer question " + rules.Code(s.Facts.Question.ID) + "."
	case workflows.CaseInputSent:
		switch {
		case s.AnswerDelayed && pendingAnswer(s) == nil:
			return "Offload has the answer, but has not gone on for an hour. Look at the case at Offload, or cancel it; Signalbox goes on reading it."
		case s.AnswerDelayed:
			return "The answer could not be sent to Offload for minutes; it is retried automatically. The pending activity shows the last failure."
		case pendingAnswer(s) != nil:
			return "The answer is being sent to Offload."
		}
		return "Offload has the answer and is processing it."
	case workflows.CaseCompleted, workflows.CaseFailed, workflows.CaseExpired, workflows.CaseCancelled:
		if resultCheckParams(c) != nil {
			return "Ended; its result is being checked against the request's resultSchema."
		}
		if len(s.Outbox.Waiting) > 0 || filesWaiting(c) {
			return "Ended; its notices are being handed off."
		}
	}
	return ""
}

func waitingForCreation(s State) string {
	switch {
	case s.Creation == CreationRejected:
		return "Offload rejected the request; retry-create with a corrected one, or cancel."
	case s.Trouble != "":
		return "Offload can't create the case yet (" + s.Trouble + "); it is retried automatically."
	case s.NotCreated:
		return "POST /cases could not be sent, or was throttled, for minutes; it is retried automatically. The pending activity shows the last failure."
	}
	return "POST /cases is under way."
}

func waitingForCertainty(s State) string {
	if s.Verifying != "" {
		return "A read verifies the case that adopt-case named."
	}
	text := "A person has to find out whether Offload created the case. A webhook on its URL decides it; otherwise use adopt-case with its caseId, or retry-create if there is none."
	var named []string
	for _, e := range s.Unconfirmed {
		if e.Facts.CaseID != "" {
			named = append(named, rules.Code(e.Facts.CaseID))
		}
	}
	if len(named) > 0 {
		text += " An unproven event names " + strings.Join(named, ", ") + "."
	}
	return text
}

func waitingForNews(s State) string {
	switch {
	case s.HeldEnd != nil:
		return "Offload ended the case; a read brings what the webhook lacks."
	case s.ReadWanted:
		return "A read of the case confirms an event."
	case s.ReconcileAsked != nil:
		if s.ReconcileAsked.By == "" {
			return "A read of the case that a person asked for."
		}
		return "A read of the case that " + rules.Code(s.ReconcileAsked.By) + " asked for."
	case s.Trouble != "":
		return "A webhook of Offload. Reading the case fails (" + s.Trouble + ") and is retried slowly."
	case s.UnknownStatus != "":
		return "A webhook of Offload. Signalbox does not know the case's status at Offload; the case is read again slowly."
	}
	return "A webhook of Offload; from " + rules.Stamp(s.ReconcileAt) + " on Signalbox reads the case by itself."
}

// Details describes the case in Markdown for the Temporal Web UI: its status, what it waits for, and how to continue it.
func Details(c Case) string {
	s := c.State
	var paragraphs []string
	line := func(format string, args ...any) { paragraphs = append(paragraphs, fmt.Sprintf(format, args...)) }

	line("**%s** since %s", s.Status, rules.Stamp(s.Since))
	if text := WaitingFor(c); text != "" {
		line("%s", text)
	}
	shown := ""
	reference := word(c.Start.Reference, "REFERENCE")
	switch s.Status {
	case workflows.CaseInputNeeded:
		if question := s.Facts.Question; question != nil {
			line("%s", rules.Quote(question.Text))
			if shown = answerError(s, question.ID); shown != "" {
				line("The last answer to it was not accepted:")
				line("%s", rules.Quote(shown))
			}
			line("Asked %s. Answer with %s or the update `%s`.", rules.Stamp(s.Asked.At),
				rules.Code(fmt.Sprintf("signalbox case answer %s --question %s --text '…'", reference, word(question.ID, "QUESTION_ID"))), workflows.UpdateProvideInput)
		}
	case workflows.CaseCreateUncertain:
		if !s.GraceUntil.IsZero() {
			break // the deadline has passed: no case is created any more
		}
		line("Resolve it with %s or %s, or the updates `%s` and `%s`.", rules.Code("signalbox case adopt "+reference+" CASE_ID"),
			rules.Code("signalbox case retry-create "+reference), workflows.UpdateAdoptCase, workflows.UpdateRetryCreate)
	case workflows.CaseCreating:
		if s.Creation == CreationRejected && s.GraceUntil.IsZero() {
			line("Correct it with %s or the update `%s`.", rules.Code("signalbox case retry-create "+reference+" -f corrected.json"), workflows.UpdateRetryCreate)
		}
	case workflows.CaseRunning, workflows.CaseInputSent,
		workflows.CaseCompleted, workflows.CaseFailed, workflows.CaseExpired, workflows.CaseCancelled:
	}
	if check := resultCheck(c); check != nil && check.Verdict != workflows.ResultMatches {
		line("Result check: %s", check.Verdict)
		line("%s", rules.Quote(strings.Join(check.Problems(), "\n")))
	}
	if s.LastError != "" && s.LastError != shown {
		line("Last error:")
		line("%s", rules.Quote(s.LastError))
	}
	return strings.Join(paragraphs, "\n\n")
}

// word returns s as a word of a shell command, or the placeholder if s can't be pasted safely.
func word(s, placeholder string) string {
	if quoted, ok := rules.ShellWord(s); ok {
		return quoted
	}
	return placeholder
}
