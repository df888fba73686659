package lifecycle

import (
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// WaitingFor says in a sentence what happens next and who can make it happen. It repeats no words of others that could be taken for Markdown.
func WaitingFor(c Case) string {
	s := c.State
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
		switch question := s.Facts.Question; {
		case question == nil:
			return "Offload asks a question but has not said which; its webhook or the next read brings it."
		case rules.IsPlainWord(question.ID):
			return "A person has to answer question " + question.ID + "."
		}
		return "A person has to answer the open question."
	case workflows.CaseInputSent:
		if pendingAnswer(s) != nil {
			return "The answer is being sent to Offload."
		}
		return "Offload has the answer and is processing it."
	case workflows.CaseCompleted, workflows.CaseFailed, workflows.CaseExpired, workflows.CaseCancelled:
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
		return "Offload can't create the case yet (" + s.Trouble + "); it is tried again by itself."
	case s.NotCreated:
		return "POST /cases could not be sent, or was throttled, for minutes; it is tried again by itself. The pending activity shows the last failure."
	}
	return "POST /cases is under way."
}

func waitingForCertainty(s State) string {
	if s.Verifying != "" {
		return "A read verifies the case that adopt-case named."
	}
	text := "A person has to find out whether Offload made the case: a webhook on its URL decides by itself, otherwise adopt-case with its caseId, or retry-create if there is none."
	var named []string
	for _, e := range s.Unconfirmed {
		if rules.IsPlainWord(e.Facts.CaseID) {
			named = append(named, e.Facts.CaseID)
		}
	}
	if len(named) > 0 {
		text += " An event that proves nothing names " + strings.Join(named, ", ") + "."
	}
	return text
}

func waitingForNews(s State) string {
	switch {
	case s.HeldEnd != nil:
		return "Offload ended the case; a read brings what was too large for the webhook."
	case s.ReadWanted:
		return "A read of the case confirms an event."
	case s.Trouble != "":
		return "A webhook of Offload. Reading the case fails (" + s.Trouble + ") and is tried again slowly."
	case s.UnknownStatus != "":
		return "A webhook of Offload. Its status is none that Signalbox knows; the case is read again slowly."
	}
	return "A webhook of Offload; from " + rules.Stamp(s.ReconcileAt) + " on Signalbox reads the case by itself."
}

// Details is the case in Markdown for the Temporal Web UI: what it waits for, since when, and how to make it go on.
func Details(c Case) string {
	s := c.State
	var paragraphs []string
	line := func(format string, args ...any) { paragraphs = append(paragraphs, fmt.Sprintf(format, args...)) }

	line("**%s** since %s", s.Status, rules.Stamp(s.Since))
	if text := WaitingFor(c); text != "" {
		line("%s", text)
	}
	reference := rules.ShellWord(c.Start.Reference)
	switch s.Status {
	case workflows.CaseInputNeeded:
		if question := s.Facts.Question; question != nil {
			line("%s", rules.MarkdownQuote(question.Text))
			line("Asked %s. Answer with the update `%s` or with", rules.Stamp(s.Asked.At), workflows.UpdateProvideInput)
			line("%s", rules.MarkdownCode(fmt.Sprintf("signalbox case answer %s --question %s --text '…'", reference, rules.ShellWord(question.ID))))
		}
	case workflows.CaseCreateUncertain:
		line("Settle it with `signalbox case adopt %s CASE_ID` or `signalbox case retry-create %s`, or the updates `%s` and `%s`.",
			reference, reference, workflows.UpdateAdoptCase, workflows.UpdateRetryCreate)
	case workflows.CaseCreating:
		if s.Creation == CreationRejected {
			line("Correct it with `signalbox case retry-create %s -f corrected.json` or the update `%s`.", reference, workflows.UpdateRetryCreate)
		}
	case workflows.CaseRunning, workflows.CaseInputSent,
		workflows.CaseCompleted, workflows.CaseFailed, workflows.CaseExpired, workflows.CaseCancelled:
	}
	if attention := Attention(s); len(attention) > 0 {
		line("Attention: %s", strings.Join(attention, ", "))
	}
	if s.LastError != "" {
		line("Last error:")
		line("%s", rules.MarkdownQuote(s.LastError))
	}
	return strings.Join(paragraphs, "\n\n")
}
