package lifecycle

import (
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// WaitingFor returns sentences about what happens next and what a person can do.
func WaitingFor(s State) string {
	var sentences []string
	if waiting := s.count(workflows.NoticeWaiting); waiting > 0 {
		sentences = append(sentences, fmt.Sprintf("%s to %s still to deliver. Failed deliveries are retried automatically.",
			rules.Count(waiting, "notice"), rules.Count(len(s.heads()), "target")))
	}
	if givenUp := s.givenUpInAll(); givenUp > 0 {
		sentences = append(sentences, fmt.Sprintf("A person has to resend or dismiss %s that could not be delivered.", rules.Count(givenUp, "notice")))
	}
	if len(sentences) == 0 {
		return "Nothing is left to deliver. This workflow ends at " + rules.Stamp(s.endAt()) + " unless new notices arrive."
	}
	return strings.Join(sentences, " ")
}

// maxDetails is how many notices the Web UI's details list. The query lists all.
const maxDetails = 10

// maxShown limits a text from outside in the details, in bytes of JSON.
const maxShown = 200

// Details describes in Markdown, for the Temporal Web UI, what the workflow waits for and how a person can act.
func Details(s State) string {
	shown := func(text string) string { return rules.Code(workflows.Clip(text, maxShown)) }
	lines := []string{"Notices of " + shown(s.Source), "", WaitingFor(s)}
	if len(Attention(s)) == 0 {
		return strings.Join(lines, "\n")
	}
	lines = append(lines, "", "Given up:", "")
	givenUp := s.givenUp()
	listed := givenUp[:min(len(givenUp), maxDetails)]
	for _, i := range listed {
		n := s.Notices[i]
		lines = append(lines, fmt.Sprintf("- %s %s for %s, since %s: %s",
			shown(string(n.Kind)), shown(n.ID), shown(n.To.String()), rules.Stamp(n.SettledAt), shown(n.LastError)))
	}
	if more := s.givenUpInAll() - len(listed); more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", more))
	}
	lines = append(lines, "", fmt.Sprintf("To send them again, send the update `%s`; to give them up for good, send `%s`. The argument `{\"ids\":[\"ntc_…\"]}` or `{\"since\":\"2026-03-21T12:00:00Z\"}` chooses some, `{}` all.",
		workflows.UpdateResend, workflows.UpdateDismiss))
	return strings.Join(lines, "\n")
}
