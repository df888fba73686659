package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// ReconcileNow applies a person's request to read the case now. A reconcile activity that waits between two reads starts again.
func ReconcileNow(c Case, asked workflows.ReconcileNow, now time.Time) Case {
	s := &c.State
	if s.CaseID == "" || s.Status.Ended() {
		return c
	}
	s.ReconcileAsked = &workflows.Check{By: workflows.Clip(asked.By, workflows.MaxShortTextBytes), At: now}
	s.ReconcilesAsked++
	if s.ReadWanted {
		wantReadAfter(s)
	}
	return c
}

// Reconciled applies the news of the reconcile activity. Its result is dropped if an event has named another case since it began.
func Reconciled(c Case, params workflows.ReconcileCaseParams, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	if s.CaseID != params.CaseID {
		return c
	}
	s.Trouble, s.LastError = "", ""
	known, before, status, asked := s.Known, s.Facts, s.Status, s.ReconcileAsked != nil && params.Check == s.ReconcilesAsked
	if asked {
		s.ReconcileAsked = nil
	}
	applySnapshot(&c, snapshot, now)
	if s.Status.Ended() {
		applyHeldEnd(&c, now)
	}
	options := c.Start.Options
	switch {
	case asked && s.Status == status && askedID(s.Facts) == askedID(before):
		// Nothing changed, so the next read keeps its time.
		if soon := now.Add(options.PollFloor.Std()); s.ReconcileAt.Before(soon) {
			s.ReconcileAt = soon
		}
	case s.Known == known:
		// Nothing changed: back off, or this becomes a hot loop.
		s.ReconcileAt = now.Add(options.PollCeiling.Std())
	case s.Facts.Status == before.Status && askedID(s.Facts) == askedID(before):
		s.ReconcileAt = now.Add(options.PollFloor.Std())
	default:
		// The webhook of this change was lost, so don't wait for the next one.
		s.ReconcileAt = now
	}
	return c
}

// ReconcileFailed applies a reconcile activity that ended without news: with a new trouble, or because a trouble is over. Its
// failure is dropped if an event has named another case since it began.
func ReconcileFailed(c Case, params workflows.ReconcileCaseParams, f rules.Failure, now time.Time) Case {
	s := &c.State
	if s.CaseID != params.CaseID {
		return c
	}
	trouble := troubleOf(f)
	unreachable := trouble == workflows.AttentionUnreachable
	if params.Check == s.ReconcilesAsked && (trouble == "" || trouble == s.Trouble || unreachable) {
		s.ReconcileAsked = nil
	}
	switch {
	case f.Type == workflows.ErrTypeOffloadNoNews:
		if s.Trouble != "" {
			s.Trouble, s.LastError = "", ""
		}
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	case trouble != "" && trouble != s.Trouble:
		noteTrouble(s, trouble)
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now
		if unreachable {
			s.ReconcileAt = now.Add(f.RetryAfter) // Offload may have asked for a pause
		}
	default:
		if trouble == "" && f.Type != rules.FailureCancelled {
			// The failure has no attention of its type, but a case that can't be read must not wait in silence.
			noteTrouble(s, workflows.AttentionUnreadable)
		}
		s.LastError = clipError(f.Message)
		s.ReconcileAt = now.Add(c.Start.Options.PollCeiling.Std())
	}
	return c
}

// applyUnknownStatus applies a read that shows a status that Signalbox does not know. Attention, in attention.go, shows it, and reading goes on.
func applyUnknownStatus(s *State, facts workflows.CaseFacts, at time.Time) {
	s.UnknownStatus = facts.Status
	s.LastError = clipError(fmt.Sprintf("Offload reports status %q, which Signalbox does not know", facts.Status))
	s.Known = knownFrom(facts, at)
	fillLasting(&s.Facts, facts)
	s.Facts = s.Facts.Bounded()
}

// Factors for the pace of reading. A person takes hours to answer, so reads are slower while a question is open, and also while the
// status is unknown. After an answer the next status comes soon and without a webhook, so reads stay frequent.
const (
	slowerWhileAsked    = 10
	soonestAfterAnswers = 10
)

func reconcileParams(c Case) *workflows.ReconcileCaseParams {
	p := &workflows.ReconcileCaseParams{
		Account: c.Start.Account, CaseID: c.State.CaseID, Known: c.State.Known,
		Floor: c.Start.Options.PollFloor, Ceiling: c.Start.Options.PollCeiling,
	}
	if c.State.ReconcileAsked != nil {
		p.Known, p.Check = workflows.KnownCase{}, c.State.ReconcilesAsked
	}
	switch {
	case c.State.HeldEnd != nil:
		p.Ceiling = p.Floor
	case c.State.Status == workflows.CaseInputNeeded || pendingAnswer(c.State) != nil || c.State.UnknownStatus != "":
		p.Floor = min(p.Ceiling, slowerWhileAsked*p.Floor)
	case c.State.Status == workflows.CaseInputSent:
		p.Ceiling = min(p.Ceiling, soonestAfterAnswers*p.Floor)
	}
	return p
}
