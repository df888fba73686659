package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	forceFailedReason = "its run was force-failed"
	expiredReason     = "the deadline passed without an answer"
)

// Response is a response to an approval. A response that comes before its request is registered is kept.
type Response struct {
	// At is the provider's time, KeptAt Signalbox's.
	At        time.Time `json:"at"`
	KeptAt    time.Time `json:"keptAt"`
	MessageID string    `json:"messageId,omitempty"`
	RequestID string    `json:"requestId"`
	// Approved is nil if the response says neither yes nor no.
	Approved *bool  `json:"approved,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// unclear reports whether the event is a response that says neither yes nor no.
func unclear(e workflows.ActivationEvent) bool {
	return e.Kind == workflows.KindApprovalResponse && e.Approved == nil
}

// respond matches a response to its request by inResponseToId. It ignores the runId, because one run may ask for many approvals. A response
// without a usable inResponseToId may answer any open approval, so it needs a person.
func respond(a *Activation, e workflows.ActivationEvent, now time.Time) (workflows.EventResult, string) {
	if e.InResponseToID == "" || len(e.InResponseToID) > maxID {
		a.State.UnclearAt = now
		return workflows.EventIgnored, "its inResponseToId is missing or too long"
	}
	r := Response{
		At: e.OccurredAt, KeptAt: now,
		MessageID: workflows.Clip(e.MessageID, maxID), RequestID: e.InResponseToID,
		Approved: e.Approved, Reason: workflows.Clip(e.Reason, maxReasonBytes),
	}
	approval := findApproval(&a.State, r.RequestID)
	switch {
	case approval == nil:
		return keepEarly(&a.State, r)
	case r.MessageID != "" && r.MessageID == approval.ResponseMessageID:
		return workflows.EventDuplicate, "this response is already applied"
	case r.Approved == nil:
		return respondUnclearly(approval)
	case approval.Status != workflows.ApprovalOpen && !decidesInstead(approval, r):
		approval.LateResponses++
		return workflows.EventLate, "the approval is " + string(approval.Status)
	}
	if approval.Status == workflows.ApprovalApproved || approval.Status == workflows.ApprovalRejected {
		approval.LateResponses++ // the response that had decided
	}
	applyResponse(a, approval, r, now)
	return workflows.EventApplied, ""
}

func respondUnclearly(approval *Approval) (workflows.EventResult, string) {
	switch {
	case approval.Status != workflows.ApprovalOpen:
		return workflows.EventLate, "the approval is " + string(approval.Status)
	case approval.Unclear:
		return workflows.EventDuplicate, "the approval already has an unclear response"
	}
	approval.Unclear = true
	return workflows.EventApplied, "it says neither yes nor no"
}

// applyResponse closes an approval with a response that says yes or no.
func applyResponse(a *Activation, approval *Approval, r Response, now time.Time) {
	status := workflows.ApprovalRejected
	if *r.Approved {
		status = workflows.ApprovalApproved
	}
	closeApproval(a, approval, closing{
		status: status, source: workflows.NewsByWebhook, reason: r.Reason, responseMessageID: r.MessageID, at: r.At,
	}, now)
}

// keepEarly keeps one response for each request: the one that decides, which is the earliest by the provider's time that says yes or no.
func keepEarly(s *State, r Response) (workflows.EventResult, string) {
	i := slices.IndexFunc(s.Early, func(known Response) bool { return known.RequestID == r.RequestID })
	if i < 0 {
		s.Early = append(s.Early, r)
		return workflows.EventApplied, "it is kept until its request is registered"
	}
	known := s.Early[i]
	switch {
	case known.MessageID == r.MessageID && (known.Approved == nil) == (r.Approved == nil):
		return workflows.EventDuplicate, "this response is already kept"
	case r.Approved == nil:
		return workflows.EventLate, "another response is kept"
	case known.Approved == nil, cmp.Or(r.At.Compare(known.At), cmp.Compare(r.MessageID, known.MessageID)) < 0:
		s.Early[i] = r
		return workflows.EventApplied, "it replaces the response that was kept"
	}
	return workflows.EventLate, "an earlier response is kept"
}

// isEarly reports whether the event is a response whose request is not registered.
func isEarly(s *State, e workflows.ActivationEvent) bool {
	return e.Kind == workflows.KindApprovalResponse && slices.ContainsFunc(s.Early, func(r Response) bool { return r.RequestID == e.InResponseToID })
}

func takeEarly(s *State, requestID string) (Response, bool) {
	for i, r := range s.Early {
		if r.RequestID == requestID {
			s.Early = slices.Delete(s.Early, i, i+1)
			return r, true
		}
	}
	return Response{}, false
}
