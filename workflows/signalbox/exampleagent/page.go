package exampleagent

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Step is the next step of a page.
type Step int

// The steps of a page, in order. Each is one activity, except StepAwaitAnswer and StepDone.
const (
	StepStartRun        Step = iota // start a run at Artmail
	StepOpenRun                     // register the run with Signalbox, which then warns of inactivity
	StepWrite                       // write the page
	StepAsk                         // send the approval request to Artmail
	StepRequestApproval             // register the approval with Signalbox, which then receives the answer
	StepAwaitAnswer
	StepPublish   // only after the brand's approval
	StepFinishRun // end the run at Artmail
	StepCloseRun  // close the run in Signalbox
	StepDone
)

// maxTries is how many runs are started for one page if Artmail force-fails them for inactivity.
const maxTries = 3

// Page is a page and the state of the run that makes it.
type Page struct {
	Step  Step   `json:"step"`
	RunID string `json:"runId,omitempty"`
	// Stale says that Artmail is about to force-fail the run for inactivity.
	Stale     bool      `json:"stale,omitempty"`
	Text      string    `json:"text,omitempty"`
	MessageID string    `json:"messageId,omitempty"`
	Deadline  time.Time `json:"deadline,omitzero"`
	// Answer is the final status of the approval.
	Answer workflows.ApprovalStatus `json:"answer,omitempty"`
	// Tries counts the runs that Artmail has force-failed. Problem says why there is no page.
	Tries   int    `json:"tries,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// forceFailed returns the page after Artmail has force-failed its run. The page starts again in a new run, unless the brand's answer is
// already carried out.
func (p Page) forceFailed() Page {
	tries := p.Tries + 1
	switch {
	case p.Step >= StepFinishRun:
		p.Step, p.Tries = StepDone, tries
		return p
	case tries == maxTries:
		return Page{Step: StepDone, Tries: tries, Problem: "Artmail has ended each run for inactivity"}
	}
	return Page{Tries: tries}
}

// isKeyLost reports whether a call failed because the activation has no API key.
func isKeyLost(err error) bool {
	var failed *temporal.ApplicationError
	return errors.As(err, &failed) && failed.Type() == ErrTypeAPIKeyLost
}

// isStopped reports whether a call was refused because the activation is paused or has ended, or because the run has ended.
func isStopped(err error) bool {
	return errors.Is(err, signalbox.ErrPaused) || errors.Is(err, signalbox.ErrEnded)
}
