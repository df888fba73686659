package lifecycle

import (
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Approval is a registered request with what only the rules need.
type Approval struct {
	workflows.Approval
	// Unclear: a response to the open approval came that says neither yes nor no.
	Unclear bool `json:"unclear,omitempty"`
	// DecidedAt is the provider's time of the response or the force-failure that decided; zero where another thing did.
	DecidedAt time.Time `json:"decidedAt,omitzero"`
	// NoticeID is the notice that was posted about the end, and Told says that its hand-off has begun.
	NoticeID string `json:"noticeId,omitempty"`
	Told     bool   `json:"told,omitempty"`
	// EmptyChecks counts checks that found no answer, and NextCheckAt is when to check again.
	EmptyChecks int       `json:"emptyChecks,omitempty"`
	NextCheckAt time.Time `json:"nextCheckAt,omitzero"`
	// CheckSilent: the check that is under way has brought nothing for minutes.
	CheckSilent bool `json:"checkSilent,omitempty"`
}

func findApproval(s *State, messageID string) *Approval {
	for i := range s.Approvals {
		if s.Approvals[i].MessageID == messageID {
			return &s.Approvals[i]
		}
	}
	return nil
}

// CheckRequestApprovals says why a list of requests can't be registered. The list is registered as a whole or not at all.
//
// What is registered already with the same content passes in any state, so that a repeated call is answered as the first was. New ones
// are refused while the activation is paused and once it has ended, but not while its status is unknown: the agent has sent the
// message by then, and refusing to listen for the answer would only lose it.
func CheckRequestApprovals(a Activation, requests []workflows.ApprovalRequest) error {
	s := &a.State
	switch n := len(requests); {
	case n == 0:
		return rules.Invalid("the list of approval requests is empty; name at least one")
	case n > workflows.MaxListed:
		return rules.Refuse(workflows.ErrTypeTooMany, "%d approval requests in one list, at most %d; send several lists", n, workflows.MaxListed)
	}
	bytes := openApprovalBytes(s)
	fresh := make(map[string]workflows.ApprovalRequest)
	for _, r := range requests {
		if err := r.Validate(); err != nil {
			return rules.Invalid("%v", err)
		}
		known, isKnown := fresh[r.MessageID]
		if approval := findApproval(s, r.MessageID); approval != nil {
			known, isKnown = approval.ApprovalRequest, true
		}
		if isKnown {
			if !sameRequest(known, r) {
				return rules.Refuse(workflows.ErrTypeApprovalConflict, "approval %q is registered with another content", r.MessageID)
			}
			continue
		}
		if err := acceptsWork(s, "approval "+r.MessageID); err != nil {
			return err
		}
		if run := findRun(s, r.RunID); run != nil && run.Status == workflows.RunClosed {
			return rules.Refuse(workflows.ErrTypeRunClosed, "approval %q: its run %q was closed", r.MessageID, r.RunID)
		}
		fresh[r.MessageID] = r
		open := Approval{Approval: workflows.Approval{ApprovalRequest: r, Status: workflows.ApprovalOpen}}
		if bytes += approvalBytes(&open); bytes > maxOpenApprovalBytes {
			return rules.Refuse(workflows.ErrTypeTooMany, "approval %q: too many approvals are open; cancel those that are not needed", r.MessageID)
		}
	}
	return checkRoomForRuns(s, requests)
}

// RequestApprovals registers requests that CheckRequestApprovals has passed. What is known already about them decides at once: a response that
// came early, a run that was force-failed.
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
		answer(a, approval, response, now)
	}
	if run := knownRun(s, r.RunID, now); run != nil {
		touch(run, now) // sending a message is activity
		if run.Status == workflows.RunForceFailed {
			voidByFailure(a, approval, run.FailedAt, now)
		}
	}
}

// CheckCancelApproval says why an approval can't be cancelled. Cancelling a cancelled one is no mistake.
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

// CancelApproval closes an approval that is not needed any more and that CheckCancelApproval has passed. Artmail hears nothing of it: it
// publishes no API for that.
func CancelApproval(a Activation, c workflows.CancelApproval, now time.Time) (Activation, workflows.Approval) {
	a = clone(a)
	approval := findApproval(&a.State, c.MessageID)
	if approval.Status == workflows.ApprovalOpen {
		reason := c.Reason
		if c.By != "" {
			reason = strings.TrimSpace(reason + " (by " + c.By + ")")
		}
		decide(&a, approval, decision{status: workflows.ApprovalCancelled, source: workflows.NewsByApp, reason: reason}, now)
	}
	return a, approval.Approval
}

// decision is how an approval ends.
type decision struct {
	status workflows.ApprovalStatus
	source workflows.NewsSource
	// Texts fit what approvalBytes leaves room for.
	reason            string
	responseMessageID string
	// at is the provider's time of a response or a force-failure.
	at time.Time
}

// decide is the only way to an end of an approval, and the only place that posts a notice of it. The notice of an earlier decision, which
// is not handed off yet, goes.
func decide(a *Activation, approval *Approval, d decision, now time.Time) {
	withdraw(&a.State, approval.NoticeID)
	approval.Status, approval.Source, approval.Reason = d.status, d.source, d.reason
	approval.ResponseMessageID, approval.DecidedAt, approval.ClosedAt = d.responseMessageID, d.at, now
	approval.Unclear = false
	approval.NoticeID = post(a, noticeOfApproval(d.status), workflows.NoticeData{}, approval.MessageID, now)
}

// correctable says whether an event with an earlier provider's time may still change the end.
func correctable(approval *Approval) bool { return !approval.Told && !approval.DecidedAt.IsZero() }

// voidByFailure voids an approval whose run was force-failed, unless it was answered by then.
func voidByFailure(a *Activation, approval *Approval, failedAt, now time.Time) {
	switch {
	case approval.Status == workflows.ApprovalOpen:
	case !correctable(approval) || !failedAt.Before(approval.DecidedAt):
		return
	case approval.Status == workflows.ApprovalVoided:
		approval.DecidedAt = failedAt
		return
	default:
		approval.LateResponses++ // the response that decided until now
	}
	decide(a, approval, decision{
		status: workflows.ApprovalVoided, source: workflows.NewsByWebhook, reason: forceFailedReason, at: failedAt,
	}, now)
}

// acceptsWork refuses what is new.
func acceptsWork(s *State, what string) error {
	switch {
	case s.Ended != nil:
		return rules.Refuse(workflows.ErrTypeActivationEnded, "%s: the activation has ended", what)
	case s.Status == workflows.ActivationPaused:
		return rules.Refuse(workflows.ErrTypeActivationPaused, "%s: the activation is paused; try again when it is resumed", what)
	}
	return nil
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

// openApprovalBytes counts what can't be forgotten: open approvals, and those with a notice that waits.
func openApprovalBytes(s *State) int {
	waiting := waitingNotices(s)
	n := 0
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status == workflows.ApprovalOpen || waiting[approval.NoticeID] {
			n += approvalBytes(approval)
		}
	}
	return n
}

// pruneApprovals forgets closed approvals beyond what is kept, and early responses.
func pruneApprovals(s *State, waiting map[string]bool, now time.Time) {
	var closed, early kept
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status != workflows.ApprovalOpen && !waiting[approval.NoticeID] {
			closed.add(i, approval.ClosedAt, approvalBytes(approval))
		}
	}
	for i := range s.Early {
		early.add(i, s.Early[i].KeptAt, responseBytes(&s.Early[i]))
	}
	s.Approvals = without(s.Approvals, closed.beyond(maxClosedApprovalBytes, now))
	s.Early = without(s.Early, early.beyond(maxEarlyBytes, now))
}

// openApprovals are the open ones, in the order of their registration.
func openApprovals(s *State) []Approval {
	return slices.DeleteFunc(slices.Clone(s.Approvals), func(a Approval) bool { return a.Status != workflows.ApprovalOpen })
}
