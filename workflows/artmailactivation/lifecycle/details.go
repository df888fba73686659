package lifecycle

import (
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// WaitingFor returns sentences, in Markdown, about what happens next and what a person can do.
func WaitingFor(a Activation) string {
	return strings.TrimSpace(waitingFor(&a.State) + " " + a.State.Outbox.Trouble())
}

func waitingFor(s *State) string {
	open, checking, runs := 0, 0, 0
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status == workflows.ApprovalOpen {
			open++
			if s.Status != workflows.ActivationPaused && !approval.CheckingSince.IsZero() {
				checking++
			}
		}
	}
	for i := range s.Runs {
		if s.Runs[i].Status == workflows.RunOpen {
			runs++
		}
	}

	var says []string
	switch {
	case s.Ended != nil && len(s.Outbox.Waiting) > 0:
		return "Ended; its notices are being handed off."
	case s.Ended != nil:
		return ""
	case s.Status == workflows.ActivationUnknown:
		says = append(says, "Artmail has not reported yet that it is activated.")
	case s.Status == workflows.ActivationPaused:
		says = append(says, "The brand has to resume it at Artmail; deadlines stand still.")
	}
	if open > 0 {
		says = append(says, "The brand has to answer "+rules.Count(open, "approval")+" in Artmail.")
		if !s.UnclearAt.IsZero() {
			says = append(says, "A response of "+rules.Stamp(s.UnclearAt)+" does not say which approval it answers.")
		}
	}
	if checking > 0 {
		says = append(says, fmt.Sprintf("The agent's worker is checking %d of them, whose deadline has passed.", checking))
	}
	if runs > 0 {
		says = append(says, "The agent must continue or close "+rules.Count(runs, "run")+".")
	}
	if notices := len(s.Outbox.Waiting); notices > 0 {
		says = append(says, "The hand-off of "+rules.Count(notices, "notice")+" is under way.")
	}
	if len(says) == 0 {
		return "Nothing is open. The agent's next request, or Artmail's next event, continues it."
	}
	return strings.Join(says, " ")
}

// Details describes the activation in Markdown for the Temporal Web UI: its status, what it waits for, and how to act.
func Details(a Activation) string {
	s := &a.State
	status := fmt.Sprintf("**%s** since %s", s.Status, rules.Stamp(s.Since))
	if _, _, reason := statusOf(s); reason != "" && s.Status != workflows.ActivationActive {
		status += fmt.Sprintf(" (%s)", rules.Code(workflows.Clip(reason, maxShown)))
	}
	paragraphs := []string{status}
	if waits := WaitingFor(a); waits != "" {
		paragraphs = append(paragraphs, waits)
	}
	if open := approvalLines(s); len(open) > 0 {
		paragraphs = append(paragraphs,
			fmt.Sprintf("Open approvals (the brand answers in Artmail; `%s` closes one here):", workflows.UpdateCancelApproval),
			strings.Join(open, "\n"))
	}
	return strings.Join(paragraphs, "\n\n")
}

// approvalLines describes the oldest open approvals, because they are the most likely reason to look.
func approvalLines(s *State) []string {
	const most = 10
	open := openApprovals(s)
	var lines []string
	for i := range open[:min(len(open), most)] {
		approval := &open[i]
		line := "- " + rules.Code(workflows.Clip(approval.MessageID, maxShown))
		if approval.Subject != "" {
			line += " " + rules.Code(workflows.Clip(approval.Subject, maxShown))
		}
		line += ", asked " + rules.Stamp(approval.RequestedAt)
		if due, ticking := deadlineOf(s, approval); ticking {
			line += ", due " + rules.Stamp(due)
		}
		if approval.Unclear {
			line += ", its response says neither yes nor no"
		}
		if reconcileSilent(s, *approval) {
			line += ", the agent's worker has not answered its check for minutes"
		}
		lines = append(lines, line)
	}
	if left := len(open) - most; left > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", left))
	}
	return lines
}

// maxShown limits a text from outside in the details, in bytes of JSON.
const maxShown = 200
