package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Effects is what must be under way for the case as it is. What is not named here must not be: it is given up where it is.
type Effects struct {
	// Create, Answer and Read are provider calls; each runs at most once at a time. The workflow adds Create's OriginalRunID.
	Create *workflows.CreateCaseParams
	Answer *workflows.ProvideInputParams
	Read   *workflows.GetCaseParams
	// Reconcile runs until it has news. A change of its parameters means that it knows too little and has to start again.
	Reconcile *workflows.ReconcileCaseParams
	// KnownTroubles are those that Create and Reconcile need not report again.
	KnownTroubles []string
	// CheckResult is a call of no provider: the outcome is not told before it.
	CheckResult *workflows.CheckResultParams
	// HandOff is to be handed off, one at a time. That of an end waits until Create and Answer can't change the outcome any more.
	HandOff *workflows.HandOff
	// Wake is when Tick or Next will have more to say though nothing else happened; zero is never. WakeFor says why.
	Wake    time.Time
	WakeFor string
	// Ended: nothing but what is named here is left to do.
	Ended bool
	// Done: nothing at all is.
	Done bool
}

// Next says what must be under way at this time.
func Next(c Case, now time.Time) Effects {
	s := c.State
	fx := Effects{KnownTroubles: knownTroubles(s), Ended: s.Status.Ended(), HandOff: handOff(c, now)}
	wake := func(at time.Time, why string) {
		if at.After(now) && (fx.Wake.IsZero() || at.Before(fx.Wake)) {
			fx.Wake, fx.WakeFor = at, why
		}
	}
	waiting := len(s.Outbox.Waiting) > 0 || filesWaiting(c)
	if waiting {
		wake(s.Outbox.NotBefore, "Hand off notices again")
	}
	if fx.Ended {
		fx.CheckResult = checkResultParams(c)
		if fx.CheckResult != nil {
			fx.HandOff = nil
		}
		fx.Done = !waiting && fx.CheckResult == nil
		return fx
	}
	if wantsCreation(s) {
		if s.CreateAt.After(now) {
			wake(s.CreateAt, "Create the case again")
		} else {
			fx.Create = &workflows.CreateCaseParams{
				Account: c.Start.Account, Reference: c.Start.Reference, Request: *c.Start.Request, Asked: s.CreateAsked,
			}
		}
		wake(notCreatedAt(s), "The creation takes too long")
	}
	if answer := pendingAnswer(s); answer != nil {
		fx.Answer = &workflows.ProvideInputParams{Account: c.Start.Account, CaseID: s.CaseID, QuestionID: answer.QuestionID, Text: answer.Text}
		wake(answerDelayedAt(s), "The answer takes too long")
	}
	switch {
	case s.CaseID == "" && s.Verifying != "":
		fx.Read = &workflows.GetCaseParams{Account: c.Start.Account, CaseID: s.Verifying}
	case s.CaseID == "":
	case s.ReadWanted:
		fx.Read = &workflows.GetCaseParams{Account: c.Start.Account, CaseID: s.CaseID}
	case s.ReconcileAt.After(now) && s.Check == nil:
		wake(s.ReconcileAt, "Read the case if no webhook comes")
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

// The pace of reading, by what is waited for: a person takes hours to answer, what follows an answer comes soon and brings no webhook, and a
// status that is not known changes seldom.
const (
	slowerWhileAsked    = 10
	soonestAfterAnswers = 10
)

func reconcileParams(c Case) *workflows.ReconcileCaseParams {
	p := &workflows.ReconcileCaseParams{
		Account: c.Start.Account, CaseID: c.State.CaseID, Known: c.State.Known,
		Floor: c.Start.Options.PollFloor, Ceiling: c.Start.Options.PollCeiling,
	}
	if c.State.Check != nil {
		p.Known, p.Check = workflows.KnownCase{}, c.State.Checks
	}
	switch {
	case c.State.Status == workflows.CaseInputNeeded || pendingAnswer(c.State) != nil || c.State.UnknownStatus != "":
		p.Floor = min(p.Ceiling, slowerWhileAsked*p.Floor)
	case c.State.Status == workflows.CaseInputSent:
		p.Ceiling = min(p.Ceiling, soonestAfterAnswers*p.Floor)
	}
	return p
}

// DueAt is when what needs attention becomes urgent: when the question expires, or the case's deadline; else since when there is attention.
func DueAt(c Case) time.Time {
	s := c.State
	due := questionExpiry(c)
	if !s.Status.Ended() {
		due = rules.Sooner(due, c.Start.Options.Deadline)
	}
	if due.IsZero() {
		return s.NoticedAt
	}
	return due
}
