package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Approval is a registered request, with fields that only the rules need.
type Approval struct {
	workflows.Approval
	// Unclear: a response to the open approval says neither yes nor no.
	Unclear bool `json:"unclear,omitempty"`
	// DecidedAt is the provider's time of the response or force-failure that closed the approval; zero if it was closed otherwise.
	DecidedAt time.Time `json:"decidedAt,omitzero"`
	// NoticeID is the ID of the notice about the end. HandOffStarted: its hand-off has begun, so the end is final.
	NoticeID       string `json:"noticeId,omitempty"`
	HandOffStarted bool   `json:"handedOver,omitempty"`
	// EmptyReconciles counts reconciles without an answer, also those that failed. NextReconcileAt is when the next one starts.
	EmptyReconciles int       `json:"emptyChecks,omitempty"`
	NextReconcileAt time.Time `json:"nextCheckAt,omitzero"`
	// ReconcileSilent: the running reconcile has had no result for minutes.
	ReconcileSilent bool `json:"checkSilent,omitempty"`
	// GraceUntil is set once, if the time ended during an outage: until then the approval waits for answers accepted meanwhile.
	GraceUntil time.Time `json:"lateUntil,omitzero"`
}

func findApproval(s *State, messageID string) *Approval {
	for i := range s.Approvals {
		if s.Approvals[i].MessageID == messageID {
			return &s.Approvals[i]
		}
	}
	return nil
}

// CheckRequestApprovals returns why a list of requests can't be registered, or nil. A list is registered as a whole or not at all.
//
// A request that is already registered with the same content passes in any state, so that a repeated call gets the same answer. A new
// request is refused while the activation is paused and after its end: refuseWork, in status.go, for runs too. It is not refused while the status
// is unknown: the agent has already sent the message, and a refusal would only lose the response.
func CheckRequestApprovals(a Activation, requests []workflows.ApprovalRequest) error {
	s := &a.State
	switch n := len(requests); {
	case n == 0:
		return rules.Invalid("requests: the list is empty: name at least one")
	case n > workflows.MaxListed:
		return rules.Invalid("requests: %d, at most %d: send them in several calls", n, workflows.MaxListed)
	}
	// First of all requests: a refusal that news may lift must not let an invalid one pass.
	if err := workflows.ValidateApprovalRequests(requests); err != nil {
		return rules.Invalid("%v", err)
	}
	bytes := openApprovalBytes(s)
	fresh := make(map[string]workflows.ApprovalRequest)
	for i, r := range requests {
		what := fmt.Sprintf("requests[%d]: approval %q", i, r.MessageID)
		known, isKnown := fresh[r.MessageID]
		if approval := findApproval(s, r.MessageID); approval != nil {
			known, isKnown = approval.ApprovalRequest, true
		}
		if isKnown {
			if !sameRequest(known, r) {
				return rules.Refuse(workflows.ErrTypeApprovalConflict, "%s is registered with other content", what)
			}
			continue
		}
		if err := refuseWork(s, what); err != nil {
			return err
		}
		if run := findRun(s, r.RunID); run != nil && run.Status == workflows.RunClosed {
			return rules.Refuse(workflows.ErrTypeRunClosed, "%s: its run %q was closed", what, r.RunID)
		}
		fresh[r.MessageID] = r
		open := Approval{Approval: workflows.Approval{ApprovalRequest: r, Status: workflows.ApprovalOpen}}
		if bytes += approvalBytes(&open); bytes > maxOpenApprovalBytes {
			return rules.Refuse(workflows.ErrTypeTooMany, "%s: too many approvals are open: cancel those that are not needed", what)
		}
	}
	return checkRoomForRuns(s, requests)
}

// RequestApprovals registers requests that CheckRequestApprovals has accepted. Earlier events apply at once: a response that came early,
// or a force-failure of the run.
func RequestApprovals(a Activation, requests []workflows.ApprovalRequest, now time.Time) (Activation, []workflows.Approval) {
	a = clone(a)
	registered := make([]workflows.Approval, 0, len(requests))
	for _, r := range requests {
		if findApproval(&a.State, r.MessageID) == nil {
			register(&a, r, now)
		}
		registered = append(registered, findApproval(&a.State, r.MessageID).Approval)
	}
	return a, registered
}

func register(a *Activation, r workflows.ApprovalRequest, now time.Time) {
	s := &a.State
	s.Approvals = append(s.Approvals, Approval{Approval: workflows.Approval{
		ApprovalRequest: r, Status: workflows.ApprovalOpen, RequestedAt: now,
	}})
	approval := &s.Approvals[len(s.Approvals)-1]

	response, responded := takeEarly(s, r.MessageID)
	switch {
	case responded && response.Approved == nil:
		approval.Unclear = true
	case responded:
		applyResponse(a, approval, response, now)
	}
	if run := findOrAddRun(s, r.RunID, now); run != nil {
		touch(run, now) // the agent was active: it sent the message
		if run.Status == workflows.RunForceFailed {
			voidByFailure(a, approval, run.FailedAt, now)
		}
	}
}

// CheckCancelApproval returns why an approval can't be cancelled, or nil. An approval may be cancelled twice.
func CheckCancelApproval(a Activation, c workflows.CancelApproval) error {
	if err := c.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	approval := findApproval(&a.State, c.MessageID)
	switch {
	case approval == nil:
		return rules.Refuse(workflows.ErrTypeUnknownApproval, "approval %q is not registered", c.MessageID)
	case approval.Status != workflows.ApprovalOpen && approval.Status != workflows.ApprovalCancelled:
		return rules.Refuse(workflows.ErrTypeApprovalClosed, "approval %q is %s", approval.MessageID, approval.Status)
	}
	return nil
}

// CancelApproval closes an approval that CheckCancelApproval has accepted. Artmail is not told: it has no public API for that.
func CancelApproval(a Activation, c workflows.CancelApproval, now time.Time) (Activation, workflows.Approval) {
	a = clone(a)
	approval := findApproval(&a.State, c.MessageID)
	if approval.Status == workflows.ApprovalOpen {
		closeApproval(&a, approval, closing{status: workflows.ApprovalCancelled, source: workflows.NewsByApp, reason: reasonBy(c.Reason, c.By)}, now)
	}
	return a, approval.Approval
}

// tickApproval starts to reconcile an approval whose deadline has passed, and expires the approval if that brings no answer. The time for it
// begins with the first reconcile, not at the deadline, so that even after an outage of Signalbox one runs.
func tickApproval(a *Activation, approval *Approval, now time.Time) []Note {
	due, ticking := deadlineOf(&a.State, approval)
	switch {
	case !ticking:
		return nil
	case due.After(now):
		// A late event about an older pause may have moved the deadline after the reconcile began.
		approval.CheckingSince, approval.EmptyReconciles, approval.NextReconcileAt, approval.ReconcileSilent = time.Time{}, 0, time.Time{}, false
		approval.GraceUntil = time.Time{}
		return nil
	case a.Start.Options.CheckApprovalQueue == "":
		return expireAfterGrace(a, approval, due, "", now)
	case approval.CheckingSince.IsZero():
		approval.CheckingSince = now
		return []Note{{Text: "approval check started", ID: approval.MessageID, Why: "its deadline passed"}}
	}
	if until, _ := reconciledUntil(a, approval); !until.After(now) {
		return expireAfterGrace(a, approval, until, "no check brought an answer", now)
	}
	silentAt, _ := reconcileSilentAt(&a.State, approval)
	approval.ReconcileSilent = !silentAt.After(now)
	return nil
}

// expireAfterGrace expires an approval whose time ended at end. After an outage it waits once for answers that came meanwhile. It does not wait if the
// deadline was before the registration.
func expireAfterGrace(a *Activation, approval *Approval, end time.Time, why string, now time.Time) []Note {
	if approval.GraceUntil.IsZero() {
		approval.GraceUntil = rules.GraceUntil(approval.RequestedAt, end, now)
		if !approval.GraceUntil.IsZero() {
			return []Note{{Text: "approval waits for answers from an outage", ID: approval.MessageID, Why: "its time was over long ago, as after an outage"}}
		}
	}
	if approval.GraceUntil.After(now) {
		return nil
	}
	return expireApproval(a, approval, why, now)
}

// expireApproval closes an approval whose time is over.
func expireApproval(a *Activation, approval *Approval, why string, now time.Time) []Note {
	closeApproval(a, approval, closing{status: workflows.ApprovalExpired, source: workflows.NewsByClock, reason: expiredReason}, now)
	return []Note{{Text: "approval expired", ID: approval.MessageID, Why: why}}
}

// reasonBy returns a reason with the name of who acted, if one is given.
func reasonBy(reason, who string) string {
	if who != "" {
		reason += " (by " + who + ")"
	}
	return strings.TrimSpace(reason)
}

func sameRequest(a, b workflows.ApprovalRequest) bool {
	return a.RunID == b.RunID && a.Deadline.Equal(b.Deadline) && a.Subject == b.Subject &&
		sameReplyTo(a.ReplyTo, b.ReplyTo) && slices.Equal(a.Notify, b.Notify)
}

func sameReplyTo(a, b *workflows.ReplyTo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// openApprovals returns the open approvals, in the order of registration.
func openApprovals(s *State) []Approval {
	return slices.DeleteFunc(slices.Clone(s.Approvals), func(a Approval) bool { return a.Status != workflows.ApprovalOpen })
}
