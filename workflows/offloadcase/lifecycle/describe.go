package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// WaitingFor says in a sentence what happens next and who can make it happen.
func WaitingFor(c Case) string {
	s := c.State
	switch s.Status {
	case workflows.CaseCreating:
		return waitingForCreation(c)
	case workflows.CaseCreateUncertain:
		text := "Somebody has to find out whether Offload made the case: a webhook on its URL decides by itself, otherwise adopt-case with its caseId, or retry-create if there is none."
		if named := claimedCases(s); named != "" {
			text += " An event that proves nothing names " + named + "."
		}
		return text
	case workflows.CaseRunning:
		if s.Expiring {
			return "The deadline passed; a last look at the case is under way."
		}
		return waitingForNews(c)
	case workflows.CaseInputNeeded:
		if s.Facts.Question == nil {
			return "Offload asks a question but has not said which; its webhook or the next look brings it."
		}
		return "A person has to answer question " + s.Facts.Question.ID + "."
	case workflows.CaseInputSent:
		if a := pendingAnswer(s); a != nil {
			return "The answer" + by(a.By) + " is being sent to Offload."
		}
		return "Offload has the answer and is processing it."
	case workflows.CaseCompleted, workflows.CaseFailed, workflows.CaseExpired, workflows.CaseCancelled:
		if files := len(wantedFiles(c)); files > 0 {
			return fmt.Sprintf("Ended; its files are being stored (%d to go), and then the outcome is told.", files)
		}
		if len(s.Outbox) > 0 {
			return "Ended; " + c.Start.ReplyTo.WorkflowID + " is being told."
		}
	}
	return ""
}

func waitingForCreation(c Case) string {
	switch s := c.State; {
	case s.Creation == CreationRejected:
		return "Offload rejected the request; retry-create with a corrected one, or cancel."
	case s.Trouble != "":
		return "Offload can't create the case yet (" + s.Trouble + "); it is tried again by itself."
	}
	return "POST /cases is under way."
}

func waitingForNews(c Case) string {
	s := c.State
	switch {
	case s.LookWanted:
		return "An event is being confirmed by a look at the case."
	case s.Trouble != "":
		return "A webhook of Offload. Looking for itself fails (" + s.Trouble + ") and is tried again slowly."
	}
	return "A webhook of Offload; from " + stamp(s.ReconcileAt) + " on Signalbox looks for itself."
}

func claimedCases(s State) string {
	var ids []string
	for _, e := range s.Claims {
		if e.Facts.CaseID != "" {
			ids = append(ids, e.Facts.CaseID)
		}
	}
	return strings.Join(ids, ", ")
}

// Details is the case in Markdown for the Temporal Web UI: what it waits for, since when, and how to make it go on.
func Details(c Case) string {
	s := c.State
	var paragraphs []string
	line := func(format string, args ...any) { paragraphs = append(paragraphs, fmt.Sprintf(format, args...)) }

	line("**%s** since %s", s.Status, stamp(s.Since))
	if text := WaitingFor(c); text != "" {
		line("%s", text)
	}
	reference := c.Start.Reference
	switch s.Status {
	case workflows.CaseInputNeeded:
		if question := s.Facts.Question; question != nil {
			line("> %s", strings.ReplaceAll(question.Text, "\n", "\n> "))
			line("Asked %s. Answer with `signalbox case answer %s --question %s --text '…'` or the update `%s`.", stamp(s.Asked.At), reference, question.ID, workflows.UpdateProvideInput)
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
		line("Last error: %s", s.LastError)
	}
	return strings.Join(paragraphs, "\n\n")
}

// stamp is a time as people read it: to the second, in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
