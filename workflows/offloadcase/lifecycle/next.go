package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Effects are the calls that should run for a case. A running call that is not named here is cancelled.
type Effects struct {
	// Create, Answer and Read are provider calls; at most one of each runs. The workflow adds Create's OriginalRunID. If the parameters of Read
	// change, it starts again.
	Create *workflows.CreateCaseParams
	Answer *workflows.ProvideInputParams
	Read   *workflows.GetCaseParams
	// Reconcile runs until it has news. If its parameters change, it starts again.
	Reconcile *workflows.ReconcileCaseParams
	// KnownTroubles are troubles that Create and Reconcile need not report again.
	KnownTroubles []string
	// ResultCheck checks the result against the schema of the request. The outcome is handed off after it.
	ResultCheck *workflows.CheckResultParams
	// HandOff is the next hand-off; one runs at a time. The hand-off of an end waits while Create or Answer can change the outcome.
	HandOff *workflows.HandOff
	// WakeUp is when Tick or Next have new results without other news.
	rules.WakeUp
	// Creating: POST /cases runs, or will run. Only this run may send it: the activity learns from the run that a reset made it, and a run that
	// continued from it would look like one without a reset. The server repeats the activity, so the history does not grow meanwhile.
	Creating bool
	// Ended: the case has ended, and only the effects named here are left.
	Ended bool
	// Done: the case has ended, and nothing is left to do.
	Done bool
}

// Next returns the calls that should run at this time.
func Next(c Case, now time.Time) Effects {
	s := c.State
	fx := Effects{KnownTroubles: knownTroubles(s), Ended: s.Status.Ended(), HandOff: handOff(c, now)}
	waiting := len(s.Outbox.Waiting) > 0 || filesWaiting(c)
	if waiting {
		fx.WakeAt(s.Outbox.NotBefore, now, "Hand off notices again")
	}
	if fx.Ended {
		fx.ResultCheck = resultCheckParams(c)
		if fx.ResultCheck != nil {
			fx.HandOff = nil
		}
		fx.Done = !waiting && fx.ResultCheck == nil
		return fx
	}
	fx.WakeAt(s.Outbox.RefusedUntil(), now, "A refused notice is old")
	fx.Creating = wantsCreation(s)
	if fx.Creating {
		if s.CreateAt.After(now) {
			fx.WakeAt(s.CreateAt, now, "Create the case again")
		} else {
			fx.Create = &workflows.CreateCaseParams{
				Account: c.Start.Account, Reference: c.Start.Reference, Request: *c.Start.Request, AskedRun: s.AskedRun,
			}
		}
		fx.WakeAt(notCreatedAt(s), now, "The creation takes too long")
	}
	if answer := pendingAnswer(s); answer != nil {
		fx.Answer = &workflows.ProvideInputParams{Account: c.Start.Account, CaseID: s.CaseID, QuestionID: answer.QuestionID, Text: answer.Text}
	}
	fx.WakeAt(answerDelayedAt(s), now, "The answer takes too long")
	switch {
	case s.CaseID == "" && s.Verifying != "":
		fx.Read = &workflows.GetCaseParams{Account: c.Start.Account, CaseID: s.Verifying}
	case s.CaseID == "":
	case s.ReadWanted:
		fx.Read = &workflows.GetCaseParams{Account: c.Start.Account, CaseID: s.CaseID, Number: s.Reads}
	case s.ReconcileAt.After(now) && s.ReconcileAsked == nil:
		fx.WakeAt(s.ReconcileAt, now, "Read the case if no webhook comes")
	default:
		fx.Reconcile = reconcileParams(c)
	}
	fx.WakeAt(s.HeldUntil, now, "The last read before the end counts")
	if !s.Expiring {
		fx.WakeAt(c.Start.Options.Deadline, now, "The case's deadline")
		fx.WakeAt(s.GraceUntil, now, "End of the wait for events from an outage")
	}
	fx.WakeAt(s.Asked.RemindAt, now, "Remind of the open question")
	fx.WakeAt(questionExpiresAt(c), now, "The open question expires")
	return fx
}
