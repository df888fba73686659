package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// View is the state as the contract shows it.
func (s *State) View() workflows.ActivationState {
	_, at, reason := s.standing()
	v := workflows.ActivationState{
		Agent: s.Start.Agent, ActivationID: s.Start.ActivationID,
		Status: s.Status, StatusAt: at, Since: s.Since, StatusReason: reason,
		WaitingFor: s.WaitingFor(), Attention: s.Attention(),
		EventsApplied: s.EventsApplied, Duplicates: s.Duplicates, LateEvents: s.LateEvents,
	}
	if s.Activated != nil {
		v.User, v.SealedAPIKey = s.Activated.User, s.Activated.SealedAPIKey
	}
	for i := range s.Approvals {
		a := s.Approvals[i].Approval
		a.DueAt, _ = s.due(&s.Approvals[i])
		v.Approvals = append(v.Approvals, a)
	}
	for i := range s.Runs {
		v.Runs = append(v.Runs, s.Runs[i].Run)
	}
	return v
}

// Attention says why a person should look, sorted; nil if nobody needs to.
func (s *State) Attention() []string {
	if s.Ended != nil {
		return nil
	}
	var why []string
	if _, _, reason := s.standing(); s.Status == workflows.ActivationPaused && reason == workflows.AttentionPausedByFailure {
		why = append(why, workflows.AttentionPausedByFailure)
	}
	if s.Activated == nil || len(s.Activated.SealedAPIKey) == 0 {
		why = append(why, workflows.AttentionNoAPIKey)
	}
	if s.KeyConflict {
		why = append(why, workflows.AttentionAPIKeyConflict)
	}
	if slices.ContainsFunc(s.Runs, func(r Run) bool { return r.Status == workflows.RunOpen && !r.WarnedAt.IsZero() }) {
		why = append(why, workflows.AttentionRunStale)
	}
	if slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.Unclear }) {
		why = append(why, workflows.AttentionResponseUnclear)
	}
	slices.Sort(why)
	return why
}

// WaitingFor says in words what happens next and who can make it happen.
func (s *State) WaitingFor() string {
	open, checking, runs := 0, 0, 0
	for i := range s.Approvals {
		if a := &s.Approvals[i]; a.Status == workflows.ApprovalOpen {
			open++
			if !a.CheckingSince.IsZero() {
				checking++
			}
		}
	}
	for i := range s.Runs {
		if s.Runs[i].Status == workflows.RunOpen {
			runs++
		}
	}

	var waits []string
	switch {
	case s.Ended != nil && len(s.Replies) == 0:
		return ""
	case s.Ended != nil:
	case s.Status == workflows.ActivationUnknown:
		waits = append(waits, "Artmail to say that it is activated")
	case s.Status == workflows.ActivationPaused:
		waits = append(waits, "the brand to resume it (deadlines stand still)")
	}
	if open > 0 {
		waits = append(waits, "the brand to answer "+count(open, "approval"))
	}
	if checking > 0 {
		waits = append(waits, fmt.Sprintf("the check of %d of them, whose deadline passed", checking))
	}
	if runs > 0 {
		waits = append(waits, "the agent to go on with "+count(runs, "run"))
	}
	if n := len(s.Replies); n > 0 {
		waits = append(waits, count(n, "reply")+" to be confirmed")
	}
	if len(waits) == 0 {
		return "the agent's requests and Artmail's events"
	}
	return strings.Join(waits, "; ")
}

func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Details is what a person sees on the workflow's page: where it stands, since when, what it waits for, and how to act.
func (s *State) Details() string {
	standing := fmt.Sprintf("**%s** since %s", s.Status, when(s.Since))
	if _, _, reason := s.standing(); reason != "" && s.Status != workflows.ActivationActive {
		standing += fmt.Sprintf(" (%s)", reason)
	}
	paragraphs := []string{standing}
	if waits := s.WaitingFor(); waits != "" {
		paragraphs = append(paragraphs, "Waits for "+waits+".")
	}
	if why := s.Attention(); len(why) > 0 {
		paragraphs = append(paragraphs, "Needs attention: "+strings.Join(why, ", ")+".")
	}
	if open := s.openApprovals(); len(open) > 0 {
		paragraphs = append(paragraphs,
			fmt.Sprintf("Open approvals (the brand answers in Artmail; `%s` closes one here):", workflows.UpdateCancelApproval),
			strings.Join(open, "\n"))
	}
	return strings.Join(paragraphs, "\n\n")
}

// openApprovals are lines about the oldest open approvals, whose waiting is the likeliest reason to look.
func (s *State) openApprovals() []string {
	const most = 10
	var lines []string
	left := 0
	for i := range s.Approvals {
		a := &s.Approvals[i]
		if a.Status != workflows.ApprovalOpen {
			continue
		}
		if len(lines) == most {
			left++
			continue
		}
		line := fmt.Sprintf("- %s, asked %s", approvalTitle(a), when(a.RequestedAt))
		if due, runs := s.due(a); runs {
			line += ", due " + when(due)
		}
		lines = append(lines, line)
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", left))
	}
	return lines
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func approvalTitle(a *Approval) string {
	if a.Subject == "" {
		return "`" + a.MessageID + "`"
	}
	return fmt.Sprintf("`%s` %q", a.MessageID, a.Subject)
}
