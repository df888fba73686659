package exampleagent

import (
	"errors"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Step is what is done next for a page.
type Step int

// The steps of a page, in order. Each is one activity, but for the wait and the end.
const (
	StepStartRun        Step = iota // begin a run at Artmail
	StepOpenRun                     // tell Signalbox, which then watches it
	StepWrite                       // write the page
	StepAsk                         // send the approval request to Artmail
	StepRequestApproval             // tell Signalbox, which then finds the answer
	StepAwaitAnswer
	StepPublish   // only what the brand has approved
	StepFinishRun // end the run at Artmail
	StepCloseRun  // tell Signalbox
	StepDone
)

// maxTries is how many runs are begun for a page whose run Artmail ends for inactivity.
const maxTries = 3

// Page is a page and the run in which it is made.
type Page struct {
	Step  Step   `json:"step"`
	RunID string `json:"runId,omitempty"`
	// Stale says that Artmail is about to end the run for inactivity.
	Stale     bool      `json:"stale,omitempty"`
	Text      string    `json:"text,omitempty"`
	MessageID string    `json:"messageId,omitempty"`
	Deadline  time.Time `json:"deadline,omitzero"`
	// Answer is how the approval was closed.
	Answer workflows.ApprovalStatus `json:"answer,omitempty"`
	// Tries counts the runs that Artmail has ended. Problem says why there is no page.
	Tries   int    `json:"tries,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// forceFailed is the page after Artmail has ended its run. It is made anew in another run, unless the brand's answer has been carried out.
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

// isStopped says whether a call was refused since the activation is paused, or since it or the run has ended.
func isStopped(err error) bool {
	return errors.Is(err, signalbox.ErrPaused) || errors.Is(err, signalbox.ErrEnded)
}
