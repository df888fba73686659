package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// closing is the end of an approval.
type closing struct {
	status workflows.ApprovalStatus
	source workflows.NewsSource
	// The texts fit the room that approvalBytes reserves.
	reason            string
	responseMessageID string
	// at is the provider's time of the response or force-failure; zero for other ends.
	at time.Time
}

// closeApproval closes an approval and adds the notice; no other function does so. It withdraws the notice of an earlier decision that is not
// yet handed off.
func closeApproval(a *Activation, approval *Approval, c closing, now time.Time) {
	withdraw(&a.State, approval.NoticeID)
	approval.Status, approval.Source, approval.Reason = c.status, c.source, c.reason
	approval.ResponseMessageID, approval.DecidedAt, approval.ClosedAt = c.responseMessageID, c.at, now
	approval.Unclear = false
	if !slices.ContainsFunc(a.State.Approvals, func(one Approval) bool { return one.Status == workflows.ApprovalOpen }) {
		a.State.UnclearAt = time.Time{} // it answers none that is registered later
	}
	approval.NoticeID = addNotice(a, noticeOfApproval(c.status), workflows.NoticeData{}, approval.MessageID, now)
}

// correctable reports whether an event with an earlier provider's time can still change the end.
func correctable(approval *Approval) bool {
	return !approval.HandOffStarted && !approval.DecidedAt.IsZero()
}

// decidesInstead reports whether a response replaces the event that closed the approval.
func decidesInstead(approval *Approval, r Response) bool {
	switch {
	case !correctable(approval):
		return false
	case approval.Status == workflows.ApprovalVoided:
		return !r.At.After(approval.DecidedAt)
	}
	return cmp.Or(r.At.Compare(approval.DecidedAt), cmp.Compare(r.MessageID, approval.ResponseMessageID)) < 0
}

// voidByFailure voids an approval whose run was force-failed, unless a response is earlier.
func voidByFailure(a *Activation, approval *Approval, failedAt, now time.Time) {
	switch {
	case approval.Status == workflows.ApprovalOpen:
	case !correctable(approval) || !failedAt.Before(approval.DecidedAt):
		return
	case approval.Status == workflows.ApprovalVoided:
		approval.DecidedAt = failedAt
		return
	default:
		approval.LateResponses++ // the response that had decided
	}
	closeApproval(a, approval, closing{
		status: workflows.ApprovalVoided, source: workflows.NewsByWebhook, reason: forceFailedReason, at: failedAt,
	}, now)
}
