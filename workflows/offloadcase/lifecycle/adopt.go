package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckAdopt returns why the case can't be adopted now, or nil.
func CheckAdopt(c Case, adopt workflows.AdoptCase) error {
	s := c.State
	if err := adopt.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	switch {
	case s.Status.Ended():
		return refuseEnded(s)
	case s.CaseID == adopt.CaseID:
		return nil
	case s.CaseID != "":
		return rules.Refuse(workflows.ErrTypeOtherCase, "the case is %s already; %s can't be merged with it", s.CaseID, adopt.CaseID)
	case s.Creation == CreationPending:
		return rules.RefuseUntilNews(workflows.ErrTypeNotUncertain, "its creation is under way: adopt when that has ended")
	}
	return nil
}

// Adopt records the caseId that a person or the business app names. It has no other effect until a read verifies it.
func Adopt(c Case, adopt workflows.AdoptCase) Case {
	s := &c.State
	if s.CaseID != "" {
		return c
	}
	s.Verifying, s.AdoptRefused, s.LastError = adopt.CaseID, false, ""
	return c
}

// applyVerification applies the read of the case that adopt-case named. The case is adopted, unless it has another clientReferenceId, or one
// that can't be read.
func applyVerification(c Case, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	caseID := s.Verifying
	theirs := snapshot.Facts.ClientReferenceID
	switch request := c.Start.Request; {
	case request == nil:
	case snapshot.Facts.Omits(workflows.FieldClientReferenceID):
		refuseAdoption(s, caseID+" was not adopted: its clientReferenceId can't be read")
		return c
	case theirs != "" && theirs != request.ClientReferenceID:
		refuseAdoption(s, fmt.Sprintf("%s was not adopted: its clientReferenceId is %q, that of the request is %q", caseID, theirs, request.ClientReferenceID))
		return c
	}
	identify(&c, caseID, now)
	s.Adopted, s.Creation, s.Uncertain = true, CreationSettled, 0
	s.Trouble, s.LastError = "", ""
	s.ReadWanted = false
	s.ReconcileAt = now
	deriveStatus(&c, workflows.NewsByApp, now)
	applySnapshot(&c, snapshot, now)
	if len(s.Unconfirmed) > 0 {
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	}
	return c
}

func refuseAdoption(s *State, why string) {
	s.Verifying, s.AdoptRefused = "", true
	s.LastError = clipError(why)
}

// proveAdopted applies that a webhook on the case's own URL has named the adopted case. From now on no webhook can replace it by another case.
func proveAdopted(s *State, caseID string) {
	s.Adopted, s.Unconfirmed = false, ofCase(s.Unconfirmed, caseID)
}

// rebind applies that a webhook on the case's own URL has named another case than the adopted one. It forgets what was known of the
// adopted one.
func rebind(c *Case, caseID string, now time.Time) {
	s := &c.State
	adopted := s.CaseID
	s.Facts, s.FactsAt = workflows.CaseFacts{}, time.Time{}
	s.UnknownStatus, s.WebhookApplied, s.EndByWebhook, s.HeldEnd, s.HeldUntil = "", false, false, nil, time.Time{}
	s.Asked, s.ClosedQuestion = Asked{}, ""
	s.Answers = overtaken(s.Answers)
	s.Conflict = false
	prove(c, caseID, now)
	otherCase(s, adopted)
}
