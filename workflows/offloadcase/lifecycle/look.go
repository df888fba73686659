package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Polled takes in the news that reconciling brought.
func Polled(c Case, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	s.Trouble, s.LastError = "", ""
	known, before := s.Known, s.Facts
	shown(&c, snapshot, now)
	options := c.Start.Options
	switch {
	case s.Known == known:
		// News that was none: without a pause the same news would come at once, forever.
		s.ReconcileAt = now.Add(options.PollCeiling.Std())
	case s.Facts.Status == before.Status && askedID(s.Facts) == askedID(before):
		s.ReconcileAt = now.Add(options.PollFloor.Std())
	default:
		// The webhook of this news never came, so there is no reason to wait for the next one.
		s.ReconcileAt = now
	}
	return c
}

// PollFailed takes in that reconciling stopped without news of the case: with a trouble that is new, or with the end of one.
func PollFailed(c Case, f Failure, now time.Time) Case {
	s := &c.State
	trouble := f.trouble()
	switch {
	case f.Type == workflows.ErrTypeOffloadNoNews && s.Trouble != "":
		s.Trouble, s.LastError = "", ""
		s.ReconcileAt = now
	case f.Type == workflows.ErrTypeOffloadNoNews:
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	case trouble != "" && trouble != s.Trouble:
		s.Trouble, s.LastError = trouble, f.Message
		s.ReconcileAt = now
	default:
		s.LastError = f.Message
		s.ReconcileAt = now.Add(c.Start.Options.PollCeiling.Std())
	}
	return c
}

// Looked takes in a single look, made to confirm a claim, to find out what became of an answer, or as the last one.
func Looked(c Case, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	s.LookWanted = false
	s.Trouble, s.LastError = "", ""
	shown(&c, snapshot, now)
	if len(s.Claims) > 0 {
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	}
	if s.Expiring {
		expire(&c, "", now)
	}
	return c
}

// LookFailed takes in that a single look told nothing. Reconciling goes on where it stopped.
func LookFailed(c Case, f Failure, now time.Time) Case {
	s := &c.State
	s.LookWanted = false
	s.LastError = f.Message
	if trouble := f.trouble(); trouble != "" {
		s.Trouble = trouble
	}
	s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	if s.Expiring {
		expire(&c, "; the last look failed: "+f.Message, now)
	}
	return c
}

// shown learns from a snapshot. What a webhook had claimed already counts as the webhook's news.
func shown(c *Case, snapshot workflows.CaseSnapshot, now time.Time) {
	s := &c.State
	facts := snapshot.Facts
	if facts.CaseID != "" && facts.CaseID != s.CaseID {
		otherCase(s, facts.CaseID)
		return
	}
	at := facts.UpdatedAt
	if at.IsZero() {
		at = snapshot.ReadAt // Documented as always present; without it the time of reading is the best there is.
	}
	source := workflows.NewsByPoll
	if learn(s, facts, at) {
		if confirmClaims(s, facts) {
			source = workflows.NewsByWebhook
		}
	} else {
		s.Conflict = true
	}
	if q := facts.Question; q != nil && q.ID == s.ClosedQuestion && facts.Status == workflows.OffloadInputNeeded && q.Status != workflows.QuestionResolved {
		s.ClosedQuestion = ""
	}
	// What was read last is known, even where the rules know better: the same reading twice is no news.
	s.Known = knownFrom(facts, at)
	settle(c, source, now)
}

func askedID(facts workflows.CaseFacts) string {
	if facts.Question == nil {
		return ""
	}
	return facts.Question.ID
}
