package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Effects is what must be under way for the case as it is. What is not named here must not be: it is given up where it is.
type Effects struct {
	// Create, Answer and Look are provider calls; each runs at most once at a time.
	Create *workflows.CreateCaseParams
	Answer *workflows.ProvideInputParams
	Look   *workflows.GetCaseParams
	// Reconcile runs until it has news. A change of its parameters means that it knows too little and has to start again.
	Reconcile *workflows.ReconcileCaseParams
	// KnownTrouble is the trouble that Create and Reconcile need not report again.
	KnownTrouble string
	// Files are to be stored, FilesAtOnce of them at a time, in this order.
	Files       []File
	FilesAtOnce int
	// Reply is to be sent to ReplyTo; the next one follows once it is confirmed or refused.
	Reply *workflows.CaseReply
	// Wake is when Tick or Next will have more to say though nothing else happened; zero is never. WakeFor says why.
	Wake    time.Time
	WakeFor string
	// Ended: nothing but what is named here is left to do.
	Ended bool
}

// Next says what must be under way at this time.
func Next(c Case, now time.Time) Effects {
	s := c.State
	fx := Effects{KnownTrouble: s.Trouble, Ended: s.Status.Ended()}
	wake := func(at time.Time, why string) {
		if at.After(now) && (fx.Wake.IsZero() || at.Before(fx.Wake)) {
			fx.Wake, fx.WakeFor = at, why
		}
	}
	if files := wantedFiles(c); len(files) > 0 {
		fx.Files, fx.FilesAtOnce = files, atOnce(s)
	}
	if len(s.Outbox) > 0 {
		letter := s.Outbox[0]
		switch {
		case letter.tellsOutcome() && len(fx.Files) > 0:
			// It is told once, and whole.
		case letter.NotBefore.After(now):
			wake(letter.NotBefore, "Tell "+c.Start.ReplyTo.WorkflowID+" again")
		default:
			r := reply(c, letter)
			fx.Reply = &r
		}
	}
	if fx.Ended {
		return fx
	}
	if s.CaseID == "" && s.Creation == CreationPending {
		if s.CreateAt.After(now) {
			wake(s.CreateAt, "Create the case again")
		} else {
			fx.Create = &workflows.CreateCaseParams{Account: c.Start.Account, Reference: c.Start.Reference, Request: *c.Start.Request}
		}
	}
	if answer := pendingAnswer(s); answer != nil {
		fx.Answer = &workflows.ProvideInputParams{Account: c.Start.Account, CaseID: s.CaseID, QuestionID: answer.QuestionID, Text: answer.Text}
	}
	switch {
	case s.CaseID == "":
	case s.LookWanted:
		fx.Look = &workflows.GetCaseParams{Account: c.Start.Account, CaseID: s.CaseID}
	case s.ReconcileAt.After(now):
		wake(s.ReconcileAt, "Look for news that no webhook brought")
	default:
		fx.Reconcile = reconcileParams(c)
	}
	if !s.Expiring {
		wake(c.Start.Options.Deadline, "The case's deadline")
	}
	wake(s.Asked.RemindAt, "Remind of the open question")
	wake(questionExpiry(c), "The open question expires")
	return fx
}

// The pace of looking, by what is waited for: a person takes hours to answer, while what follows an answer comes soon and brings no
// webhook.
const (
	slowerWhileAsked    = 10
	soonestAfterAnswers = 10
)

func reconcileParams(c Case) *workflows.ReconcileCaseParams {
	p := &workflows.ReconcileCaseParams{
		Account: c.Start.Account, CaseID: c.State.CaseID, Known: c.State.Known,
		Floor: c.Start.Options.PollFloor, Ceiling: c.Start.Options.PollCeiling,
	}
	switch {
	case c.State.Status == workflows.CaseInputNeeded || pendingAnswer(c.State) != nil:
		p.Floor = min(p.Ceiling, slowerWhileAsked*p.Floor)
	case c.State.Status == workflows.CaseInputSent:
		p.Ceiling = min(p.Ceiling, soonestAfterAnswers*p.Floor)
	}
	return p
}
