package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckAdopt says why a case can't be adopted now, or nil.
func CheckAdopt(c Case, adopt workflows.AdoptCase) error {
	s := c.State
	if err := adopt.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	switch {
	case adopt.CaseID == "." || adopt.CaseID == "..":
		return rules.Invalid("caseId: %q is no ID", adopt.CaseID)
	case s.Status.Ended():
		return refuseEnded(s)
	case s.CaseID == adopt.CaseID:
		return nil
	case s.CaseID != "":
		return rules.Refuse(workflows.ErrTypeOtherCase, "the case is %s already; %s can't be merged with it", s.CaseID, adopt.CaseID)
	case s.Creation == CreationPending:
		return rules.Refuse(workflows.ErrTypeNotUncertain, "its creation is under way; adopt once that is settled")
	}
	return nil
}

// Adopt takes in that a person or the business app names the case. A read verifies it; until then nothing is identified by it.
func Adopt(c Case, adopt workflows.AdoptCase) Case {
	s := &c.State
	if s.CaseID != "" {
		return c
	}
	s.Verifying, s.AdoptRefused, s.LastError = adopt.CaseID, false, ""
	return c
}

// verified takes in the read of the case that adopt-case named. It is bound unless it shows another app's clientReferenceId.
func verified(c Case, snapshot workflows.CaseSnapshot, now time.Time) Case {
	s := &c.State
	caseID := s.Verifying
	theirs := snapshot.Facts.ClientReferenceID
	if request := c.Start.Request; request != nil && theirs != "" && theirs != request.ClientReferenceID {
		refuseAdoption(s, fmt.Sprintf("%s was not adopted: its clientReferenceId is %q, that of the request is %q", caseID, theirs, request.ClientReferenceID))
		return c
	}
	identify(&c, caseID, now)
	s.Adopted, s.Creation = true, CreationSettled
	s.Trouble, s.LastError = "", ""
	s.ReadWanted = false
	s.ReconcileAt = now
	settle(&c, workflows.NewsByApp, now)
	shown(&c, snapshot, now)
	if len(s.Unconfirmed) > 0 {
		s.ReconcileAt = now.Add(c.Start.Options.PollFloor.Std())
	}
	return c
}

func refuseAdoption(s *State, why string) {
	s.Verifying, s.AdoptRefused = "", true
	s.LastError = clipError(why)
}
