package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

const (
	// createGuard is the pause before POST /cases is tried again after a failure that the server should have retried.
	createGuard = time.Minute
	// notCreatedAfter is how long a creation may take before a person should look: Offload's host may be mistyped.
	notCreatedAfter = 3 * time.Minute
)

// Created applies the response to POST /cases. It counts after the end too: the case then exists at Offload and goes on there.
func Created(c Case, result workflows.CreateCaseResult, now time.Time) Case {
	s := &c.State
	s.Creation = CreationSettled
	s.Trouble, s.LastError = "", ""
	switch {
	case s.CaseID == "":
		identify(&c, result.CaseID, now)
		s.Uncertain = 0
	case s.CaseID != result.CaseID:
		otherCase(s, result.CaseID)
	}
	deriveStatus(&c, workflows.NewsByCreate, now)
	return c
}

const rejected = "Offload rejected the request: "

// CreateFailed applies the final failure of POST /cases, or that it was cancelled because the case no longer needs it.
func CreateFailed(c Case, f rules.Failure, now time.Time) Case {
	s := &c.State
	nothing, trouble := createdNothing(f), troubleOf(f)
	if !nothing {
		s.Uncertain++
	}
	if s.CaseID != "" || nothing && (s.Status.Ended() || !s.GraceUntil.IsZero()) {
		// The failure does not matter: a webhook or a person has already identified the case, or it has ended or is about to.
		s.Creation = CreationSettled
		return c
	}
	s.LastError = clipError(f.Message)
	switch {
	case f.Type == workflows.ErrTypeOffloadInvalidRequest && c.Start.Options.AwaitCorrection:
		s.Creation, s.Trouble = CreationRejected, "" // Offload answered the call, so an earlier trouble is over
	case f.Type == workflows.ErrTypeOffloadInvalidRequest && mayExist(*s):
		// Only this request was rejected: the case of an earlier creation may run.
		s.Creation, s.Trouble = CreationUncertain, ""
		s.LastError = clipError(rejected + f.Message)
	case f.Type == workflows.ErrTypeOffloadInvalidRequest:
		s.Creation = CreationSettled
		s.Reason = workflows.Clip(rejected+f.Message, maxReasonBytes)
		enter(&c, workflows.CaseFailed, workflows.NewsByCreate, now)
	case nothing && trouble != "" && trouble != s.Trouble:
		// From now on the server retries this trouble, slowly and without history.
		noteTrouble(s, trouble)
		s.CreateAt = now
	case nothing:
		s.CreateAt = now.Add(createGuard)
	default:
		s.Creation, s.Trouble = CreationUncertain, ""
	}
	deriveStatus(&c, workflows.NewsByCreate, now)
	return c
}

// CheckRetryCreate returns why the case can't be created again now, or nil.
func CheckRetryCreate(c Case, retry workflows.RetryCreate) error {
	s := c.State
	if err := retry.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if err := withRequest(c.Start, retry.Request).Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	if s.Status.Ended() {
		return refuseEnded(s)
	}
	if !s.GraceUntil.IsZero() {
		return rules.Refuse(workflows.ErrTypeNotUncertain, "the deadline %s has passed: no case is created any more", rules.Stamp(c.Start.Options.Deadline))
	}
	if s.Creation != CreationUncertain && s.Creation != CreationRejected {
		return rules.RefuseUntilNews(workflows.ErrTypeNotUncertain, "the case is %s; only a creation that is uncertain or was rejected can be tried again", s.Status)
	}
	return nil
}

// RetryCreate starts a new creation, even if the earlier one may have succeeded.
func RetryCreate(c Case, retry workflows.RetryCreate, now time.Time) Case {
	s := &c.State
	c.Start = withRequest(c.Start, retry.Request)
	s.Creation, s.CreateAt, s.CreateSince, s.AskedRun, s.NotCreated = CreationPending, now, now, retry.RunID, false
	s.Verifying, s.AdoptRefused = "", false
	s.Trouble, s.LastError = "", ""
	deriveStatus(&c, workflows.NewsByApp, now)
	return c
}

func withRequest(start workflows.CaseStart, request *workflows.CaseRequest) workflows.CaseStart {
	if request == nil {
		return start
	}
	start.Request = request
	return start.Normalized()
}

// notCreatedAt returns when a pending creation raises attention; zero if another attention already says why it is delayed.
func notCreatedAt(s State) time.Time {
	if !wantsCreation(s) || s.Trouble != "" {
		return time.Time{}
	}
	return s.CreateSince.Add(notCreatedAfter)
}

// wantsCreation reports whether POST /cases should run. It should not once the deadline has passed.
func wantsCreation(s State) bool {
	return s.CaseID == "" && s.Creation == CreationPending && s.GraceUntil.IsZero()
}

// mayExist reports whether a creation may have made a case that is not known. A webhook proves the case of one creation only.
func mayExist(s State) bool {
	if s.CaseID != "" {
		return s.Uncertain > 1
	}
	return s.Uncertain > 0
}

// identify sets the caseId. Events that waited for it can now be confirmed.
func identify(c *Case, caseID string, now time.Time) {
	s := &c.State
	s.CaseID = caseID
	s.Adopted, s.Verifying, s.AdoptRefused, s.NotCreated = false, "", false, false
	s.ReconcileAt = now.Add(c.Start.Options.ReconcileAfter.Std())
	// By the first read Offload will have started the case, so CREATED would be the news.
	s.Known = workflows.KnownCase{Status: workflows.OffloadRunning}
	s.Unconfirmed = ofCase(s.Unconfirmed, caseID)
	// The last read of an expiring case is for this caseId.
	s.ReadWanted = len(s.Unconfirmed) > 0 || s.Expiring
}

// ofCase leaves out events that name another case: they prove nothing, and no read of this case can confirm them.
func ofCase(events []workflows.CaseEvent, caseID string) []workflows.CaseEvent {
	var ours []workflows.CaseEvent
	for _, e := range events {
		if id := e.Facts.CaseID; id == "" || id == caseID {
			ours = append(ours, e)
		}
	}
	return ours
}

// otherCase records another caseId. To merge the two cases would hide that a real person gets two e-mail threads.
func otherCase(s *State, caseID string) {
	at, known := slices.BinarySearch(s.OtherCaseIDs, caseID)
	if !known && len(s.OtherCaseIDs) < maxOtherCases {
		s.OtherCaseIDs = slices.Insert(slices.Clone(s.OtherCaseIDs), at, caseID)
	}
}
