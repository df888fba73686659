package lifecycle

import (
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Approval is a registered request with what only the rules need.
type Approval struct {
	workflows.Approval
	// Unclear: a response came that says neither yes nor no.
	Unclear bool `json:"unclear,omitempty"`
}

func (s *State) approval(messageID string) *Approval {
	for i := range s.Approvals {
		if s.Approvals[i].MessageID == messageID {
			return &s.Approvals[i]
		}
	}
	return nil
}

// CheckRequests says why a list of requests can't be registered, as a *Refusal; it changes nothing. The list is registered as a whole or
// not at all.
//
// What is registered already with the same content passes in any state, so that a repeated call is answered as the first was. New ones
// are refused while the activation is paused and once it has ended, but not while its status is unknown: the agent has sent the
// message by then, and refusing to listen for the answer would only lose it.
func (s *State) CheckRequests(requests []workflows.ApprovalRequest) error {
	switch n := len(requests); {
	case n == 0:
		return refuse(workflows.ErrTypeInvalidArgument, "the list of approval requests is empty")
	case n > maxRequests:
		return refuse(workflows.ErrTypeTooMany, "%d approval requests in one list, at most %d", n, maxRequests)
	}
	bytes := s.openApprovalBytes()
	fresh := make(map[string]workflows.ApprovalRequest)
	for _, r := range requests {
		if err := validRequest(r); err != nil {
			return err
		}
		known, isKnown := fresh[r.MessageID]
		if a := s.approval(r.MessageID); a != nil {
			known, isKnown = a.ApprovalRequest, true
		}
		if isKnown {
			if !sameRequest(known, r) {
				return refuse(workflows.ErrTypeApprovalConflict, "approval %q is registered with another content", r.MessageID)
			}
			continue
		}
		if err := s.acceptsWork("approval " + r.MessageID); err != nil {
			return err
		}
		if run := s.run(r.RunID); run != nil && run.Status == workflows.RunClosed {
			return refuse(workflows.ErrTypeRunClosed, "approval %q: its run %q was closed", r.MessageID, r.RunID)
		}
		fresh[r.MessageID] = r
		open := Approval{Approval: workflows.Approval{ApprovalRequest: r, Status: workflows.ApprovalOpen}}
		if bytes += open.weight(); bytes > maxOpenApprovalBytes {
			return refuse(workflows.ErrTypeTooMany, "approval %q: too many approvals are open", r.MessageID)
		}
	}
	return s.checkRoomForRuns(requests)
}

// Request registers requests. What is known already about them decides at once: a response that came early, a run that was force-failed.
func (s *State) Request(requests []workflows.ApprovalRequest, now time.Time) ([]workflows.Approval, error) {
	if err := s.CheckRequests(requests); err != nil {
		return nil, err
	}
	registered := make([]workflows.Approval, 0, len(requests))
	for _, r := range requests {
		if s.approval(r.MessageID) == nil {
			s.register(r, now)
		}
		registered = append(registered, s.approval(r.MessageID).Approval)
	}
	return registered, nil
}

func (s *State) register(r workflows.ApprovalRequest, now time.Time) {
	s.Approvals = append(s.Approvals, Approval{Approval: workflows.Approval{
		ApprovalRequest: r, Status: workflows.ApprovalOpen, RequestedAt: now,
	}})
	a := &s.Approvals[len(s.Approvals)-1]

	// Sending a message is activity of its run.
	run := s.knownRun(r.RunID, now)
	if run != nil {
		run.touch(now)
	}
	response, responded := s.takeEarly(r.MessageID)
	failed := run != nil && run.Status == workflows.RunForceFailed
	switch {
	case responded && failed && run.FailedAt.Before(response.At):
		a.LateResponses++
		s.closeApproval(a, workflows.ApprovalVoided, workflows.NewsByWebhook, forceFailedReason, now)
	case responded:
		s.answer(a, response, workflows.NewsByWebhook, now)
	case failed:
		s.closeApproval(a, workflows.ApprovalVoided, workflows.NewsByWebhook, forceFailedReason, now)
	}
}

// CheckCancel says why an approval can't be cancelled. Cancelling a cancelled one is no mistake.
func (s *State) CheckCancel(c workflows.CancelApproval) error {
	a := s.approval(c.MessageID)
	switch {
	case a == nil:
		return refuse(workflows.ErrTypeUnknownApproval, "approval %q is not registered", clip(c.MessageID, maxID))
	case a.Status != workflows.ApprovalOpen && a.Status != workflows.ApprovalCancelled:
		return refuse(workflows.ErrTypeApprovalClosed, "approval %q is %s", a.MessageID, a.Status)
	}
	return nil
}

// Cancel closes an approval that nobody needs any more. Artmail is not told: it publishes no API for that.
func (s *State) Cancel(c workflows.CancelApproval, now time.Time) (workflows.Approval, error) {
	if err := s.CheckCancel(c); err != nil {
		return workflows.Approval{}, err
	}
	a := s.approval(c.MessageID)
	if a.Status == workflows.ApprovalOpen {
		reason := c.Reason
		if c.By != "" {
			reason = strings.TrimSpace(reason + " (by " + c.By + ")")
		}
		s.closeApproval(a, workflows.ApprovalCancelled, workflows.NewsByApp, reason, now)
	}
	return a.Approval, nil
}

// closeApproval is the only way to a final status, and the only place that owes a reply for it.
func (s *State) closeApproval(a *Approval, status workflows.ApprovalStatus, source workflows.NewsSource, reason string, now time.Time) {
	a.Status, a.Source, a.Reason, a.ClosedAt = status, source, clip(reason, maxReason), now
	a.Unclear = false
	s.oweAnswer(a)
}

// acceptsWork refuses what is new.
func (s *State) acceptsWork(what string) error {
	switch {
	case s.Ended != nil:
		return refuse(workflows.ErrTypeActivationEnded, "%s: the activation has ended", what)
	case s.Status == workflows.ActivationPaused:
		return refuse(workflows.ErrTypeActivationPaused, "%s: the activation is paused", what)
	}
	return nil
}

func validRequest(r workflows.ApprovalRequest) error {
	if strings.TrimSpace(r.MessageID) == "" {
		return refuse(workflows.ErrTypeInvalidArgument, "messageId: it is required")
	}
	return firstError(
		fits("messageId", r.MessageID, maxID),
		fits("runId", r.RunID, maxID),
		fits("subject", r.Subject, maxSubject),
		fits("callbackUrl", r.CallbackURL, maxURL),
		validReplyTo(r.ReplyTo),
	)
}

func validReplyTo(r *workflows.ReplyTo) error {
	if r == nil {
		return nil
	}
	if r.WorkflowID == "" || r.Signal == "" {
		return refuse(workflows.ErrTypeInvalidArgument, "replyTo: set both workflowId and signal")
	}
	// The server answers Internal to a workflow ID that is not ASCII, again and again: the signal would never be settled, and the
	// workflow waits for that before it continues as new.
	if !printableASCII(r.WorkflowID) || !printableASCII(r.Signal) {
		return refuse(workflows.ErrTypeInvalidArgument, "replyTo: workflowId and signal must be printable ASCII")
	}
	return firstError(fits("replyTo.workflowId", r.WorkflowID, maxWorkflow), fits("replyTo.signal", r.Signal, maxSignal))
}

func printableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func fits(field, value string, most int) error {
	if len(value) > most {
		return refuse(workflows.ErrTypeInvalidArgument, "%s: %d bytes, at most %d", field, len(value), most)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func sameRequest(a, b workflows.ApprovalRequest) bool {
	return a.RunID == b.RunID && a.Deadline.Equal(b.Deadline) && a.Subject == b.Subject && a.CallbackURL == b.CallbackURL &&
		sameReplyTo(a.ReplyTo, b.ReplyTo)
}

func sameReplyTo(a, b *workflows.ReplyTo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
