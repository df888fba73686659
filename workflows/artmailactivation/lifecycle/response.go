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

// Response is an answer that came before its request was registered.
type Response struct {
	// At is the provider's time, KeptAt ours.
	At        time.Time `json:"at"`
	KeptAt    time.Time `json:"keptAt"`
	MessageID string    `json:"messageId,omitempty"`
	RequestID string    `json:"requestId"`
	Approved  bool      `json:"approved,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// respond matches a response to its request by inResponseToId. Its runId plays no part: a run may ask for many approvals.
func (s *State) respond(e workflows.ActivationEvent, now time.Time) (Verdict, string) {
	a := s.approval(e.InResponseToID)
	switch {
	case e.InResponseToID == "" || len(e.InResponseToID) > maxID:
		return Ignored, "its inResponseToId can't be used"
	case a != nil && a.Status != workflows.ApprovalOpen:
		if e.MessageID != "" && clip(e.MessageID, maxID) == a.ResponseMessageID {
			return Duplicate, "this response is applied"
		}
		a.LateResponses++
		return Late, "the approval is " + string(a.Status)
	case e.Approved == nil:
		if a != nil {
			a.Unclear = true
		}
		return Ignored, "it says neither yes nor no"
	}
	response := Response{
		At: providerTime(e), KeptAt: now,
		MessageID: clip(e.MessageID, maxID), RequestID: e.InResponseToID,
		Approved: *e.Approved, Reason: clip(e.Reason, maxReason),
	}
	if a == nil {
		return s.keepEarly(response)
	}
	s.answer(a, response, workflows.NewsByWebhook, now)
	return Applied, ""
}

func (s *State) answer(a *Approval, r Response, source workflows.NewsSource, now time.Time) {
	a.ResponseMessageID = r.MessageID
	status := workflows.ApprovalRejected
	if r.Approved {
		status = workflows.ApprovalApproved
	}
	s.closeApproval(a, status, source, r.Reason, now)
}

// keepEarly keeps one response for each request, the earliest by the provider's time: it is the one that would have been applied.
func (s *State) keepEarly(r Response) (Verdict, string) {
	for i := range s.Early {
		known := &s.Early[i]
		switch {
		case known.RequestID != r.RequestID:
			continue
		case known.MessageID == r.MessageID:
			return Duplicate, "this response is kept"
		case cmp.Or(r.At.Compare(known.At), cmp.Compare(r.MessageID, known.MessageID)) < 0:
			*known = r
			return Applied, "it is earlier than the response that was kept"
		}
		return Late, "an earlier response is kept"
	}
	s.Early = append(s.Early, r)
	return Applied, "it is kept until its request is registered"
}

func (s *State) takeEarly(requestID string) (Response, bool) {
	for i, r := range s.Early {
		if r.RequestID == requestID {
			s.Early = slices.Delete(s.Early, i, i+1)
			return r, true
		}
	}
	return Response{}, false
}
