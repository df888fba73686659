package lifecycle

import (
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// createGuard is the pause before POST /cases is tried again after a failure that the server should have retried by itself.
const createGuard = time.Minute

// Created takes in what POST /cases answered. It also counts after the end: the case then exists, and goes on.
func Created(c Case, result workflows.CreateCaseResult, now time.Time) Case {
	s := &c.State
	s.Creation = CreationSettled
	s.Trouble, s.LastError = "", ""
	switch {
	case s.CaseID == "":
		identify(&c, result.CaseID, now)
	case s.CaseID != result.CaseID:
		otherCase(s, result.CaseID)
	}
	settle(&c, workflows.NewsByCreate, now)
	return c
}

// CreateFailed takes in that POST /cases failed for good, or was given up because the case needs none any more.
func CreateFailed(c Case, f Failure, now time.Time) Case {
	s := &c.State
	needed := s.CaseID == "" && !s.Status.Ended()
	s.LastError = f.Message
	trouble := f.trouble()
	switch {
	case f.createdNothing() && !needed:
		s.Creation = CreationSettled
	case f.Type == workflows.ErrTypeOffloadInvalidRequest && c.Start.Options.AwaitCorrection:
		s.Creation = CreationRejected
	case f.Type == workflows.ErrTypeOffloadInvalidRequest:
		s.Creation = CreationSettled
		s.Reason = "Offload rejected the request: " + f.Message
		enter(&c, workflows.CaseFailed, workflows.NewsByCreate, now)
	case trouble != "" && trouble != s.Trouble:
		// From now on the server retries this one by itself, slowly and without history.
		s.Trouble, s.CreateAt = trouble, now
	case f.createdNothing():
		s.CreateAt = now.Add(createGuard)
	case s.CaseID != "":
		// Its own webhook, or a person, has proven the case already.
		s.Creation = CreationSettled
	default:
		s.Creation = CreationUncertain
	}
	settle(&c, workflows.NewsByCreate, now)
	return c
}

// CheckAdopt says why a case can't be adopted now, or nil.
func CheckAdopt(c Case, adopt workflows.AdoptCase) *Refusal {
	s := c.State
	switch {
	case adopt.CaseID == "":
		return refuse(workflows.ErrTypeInvalidArgument, "caseId: it is required")
	case s.Status.Ended():
		return refuseEnded(s)
	case s.CaseID == adopt.CaseID:
		return nil
	case s.CaseID != "":
		return refuse(workflows.ErrTypeOtherCase, "the case is %s already; %s can't be merged with it", s.CaseID, adopt.CaseID)
	case s.Creation == CreationPending:
		return refuse(workflows.ErrTypeNotUncertain, "its creation is under way; adopt once that is settled")
	}
	return nil
}

// Adopt takes in that a person or the business app knows the case.
func Adopt(c Case, adopt workflows.AdoptCase, now time.Time) Case {
	s := &c.State
	if s.CaseID == adopt.CaseID {
		return c
	}
	identify(&c, adopt.CaseID, now)
	s.Creation = CreationSettled
	s.LastError = ""
	s.Known, s.ReconcileAt = workflows.KnownCase{}, now
	settle(&c, workflows.NewsByApp, now)
	return c
}

// CheckRetryCreate says why the case can't be created again now, or nil.
func CheckRetryCreate(c Case, retry workflows.RetryCreate) *Refusal {
	s := c.State
	switch {
	case s.Status.Ended():
		return refuseEnded(s)
	case s.Creation != CreationUncertain && s.Creation != CreationRejected:
		return refuse(workflows.ErrTypeNotUncertain, "the case is %s; only a creation that is uncertain or was rejected can be tried again", s.Status)
	}
	if err := withRequest(c.Start, retry.Request).Validate(); err != nil {
		return refuse(workflows.ErrTypeInvalidArgument, "%v", err)
	}
	return nil
}

// RetryCreate takes in that the case is to be created again, whatever may exist already.
func RetryCreate(c Case, retry workflows.RetryCreate, now time.Time) Case {
	s := &c.State
	c.Start = withRequest(c.Start, retry.Request)
	s.Creation, s.CreateAt = CreationPending, now
	s.Trouble, s.LastError = "", ""
	settle(&c, workflows.NewsByApp, now)
	return c
}

func withRequest(start workflows.CaseStart, request *workflows.CaseRequest) workflows.CaseStart {
	if request == nil {
		return start
	}
	start.Request = request
	return start.Normalized()
}

// identify fixes the caseId. Claims that waited for it can be looked into now.
func identify(c *Case, caseID string, now time.Time) {
	s := &c.State
	s.CaseID = caseID
	s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	// By the first look the case will have been taken up; CREATED would be the surprise.
	s.Known = workflows.KnownCase{Status: workflows.OffloadRunning}
	var ours []workflows.CaseEvent
	for _, claim := range s.Claims {
		if id := claim.Facts.CaseID; id != "" && id != caseID {
			otherCase(s, id)
			continue
		}
		ours = append(ours, claim)
	}
	s.Claims, s.LookWanted = ours, len(ours) > 0
}

// mostOtherCases bounds what is carried; a person looks at the first one already.
const mostOtherCases = 10

// otherCase reports a second caseId. Merging it would hide a second e-mail thread to a real person.
func otherCase(s *State, caseID string) {
	at := len(s.OtherCaseIDs)
	for i, id := range s.OtherCaseIDs {
		if id == caseID {
			return
		}
		if id > caseID && i < at {
			at = i
		}
	}
	if len(s.OtherCaseIDs) == mostOtherCases {
		return
	}
	ids := append(make([]string, 0, len(s.OtherCaseIDs)+1), s.OtherCaseIDs[:at]...)
	s.OtherCaseIDs = append(append(ids, caseID), s.OtherCaseIDs[at:]...)
}

func refuseEnded(s State) *Refusal {
	return refuse(workflows.ErrTypeCaseEnded, "the case ended as %s at %s", s.Status, stamp(s.Since))
}

// Refusal is why an update can't be carried out. Type is one of the contract's error types.
type Refusal struct {
	Type    string
	Message string
}

func refuse(errorType, format string, args ...any) *Refusal {
	return &Refusal{Type: errorType, Message: fmt.Sprintf(format, args...)}
}
