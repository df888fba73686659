package lifecycle

import (
	"slices"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// workflowID returns the ID of the activation's workflow, which is the source of its notices.
func workflowID(a Activation) string {
	return workflows.ArtmailActivationWorkflowID(a.Start.Agent, a.Start.ActivationID)
}

// addNotice adds a notice to the outbox and returns its ID. The notice carries no data that the state already holds; handOff fills it in. So hundreds
// of notices fit the state.
func addNotice(a *Activation, kind workflows.NoticeKind, data workflows.NoticeData, subject string, now time.Time) string {
	outbox := a.State.Outbox.Add(workflows.PostedNotice{Notice: workflows.Notice{Kind: kind, Source: workflowID(*a), Time: now, Data: data}}, subject)
	last := &outbox.Waiting[len(outbox.Waiting)-1] // Add returns a new list, so this changes no older state
	last.Source = ""
	a.State.Outbox = outbox
	return last.ID
}

// addChangeNotice adds the notice that Artmail has activated, paused, resumed or deactivated the activation. Of several waiting pauses and resumes, only
// the newest stays.
func addChangeNotice(a *Activation, e workflows.ActivationEvent, now time.Time) {
	kind := workflows.NoticeActivationActivated
	switch e.Kind {
	case workflows.KindAgentPaused:
		kind = workflows.NoticeActivationPaused
	case workflows.KindAgentResumed:
		kind = workflows.NoticeActivationResumed
	case workflows.KindAgentDeactivated:
		kind = workflows.NoticeActivationDeactivated
	}
	if kind == workflows.NoticeActivationPaused || kind == workflows.NoticeActivationResumed {
		withdrawKinds(&a.State, workflows.NoticeActivationPaused, workflows.NoticeActivationResumed)
	} else {
		withdrawKinds(&a.State, kind)
	}
	status, _, _ := statusOf(&a.State)
	change := workflows.ActivationChange{Status: status, At: e.OccurredAt, Reason: workflows.Clip(e.Reason, maxWord)}
	addNotice(a, kind, workflows.NoticeData{Activation: &change}, changeSubject(e, a.State.Outbox, now), now)
}

// changeSubject returns the subject of a change's notice. It depends on the event alone: Temporal may refuse a task after its hand-off, and the hand-off
// of the repeated task must have the same ID. The fingerprint is part of it, because a replayed delivery may bring an API key that
// could not be read before.
func changeSubject(e workflows.ActivationEvent, outbox rules.Outbox, now time.Time) string {
	if e.DeliveryID == "" {
		return outbox.NewSubject(now)
	}
	return e.DeliveryID + "\x00" + string(e.APIKeyFingerprint)
}

// addRunWarningNotice adds the notice that a run is about to be force-failed. It replaces an earlier warning that still waits.
func addRunWarningNotice(a *Activation, run *Run, now time.Time) {
	withdraw(&a.State, run.WarningID)
	subject := run.RunID + " " + strconv.FormatInt(run.LastActiveAt.UnixMilli(), 10)
	run.WarningID = addNotice(a, workflows.NoticeRunStaleWarning, workflows.NoticeData{}, subject, now)
}

// addRunEndNotice adds the notice of a run's end.
func addRunEndNotice(a *Activation, run *Run, kind workflows.NoticeKind, now time.Time) {
	run.EndID = addNotice(a, kind, workflows.NoticeData{}, run.RunID, now)
}

func noticeOfApproval(status workflows.ApprovalStatus) workflows.NoticeKind {
	switch status {
	case workflows.ApprovalApproved:
		return workflows.NoticeApprovalApproved
	case workflows.ApprovalRejected:
		return workflows.NoticeApprovalRejected
	case workflows.ApprovalExpired:
		return workflows.NoticeApprovalExpired
	case workflows.ApprovalVoided:
		return workflows.NoticeApprovalVoided
	case workflows.ApprovalCancelled:
		return workflows.NoticeApprovalCancelled
	case workflows.ApprovalOpen:
	}
	return ""
}

// withdraw removes a notice that still waits.
func withdraw(s *State, id string) {
	if id != "" {
		withdrawIf(s, func(n workflows.PostedNotice) bool { return n.ID == id })
	}
}

func withdrawKinds(s *State, kinds ...workflows.NoticeKind) {
	withdrawIf(s, func(n workflows.PostedNotice) bool { return slices.Contains(kinds, n.Kind) })
}

func withdrawIf(s *State, remove func(workflows.PostedNotice) bool) {
	s.Outbox.Waiting = slices.DeleteFunc(slices.Clone(s.Outbox.Waiting), remove)
}

// waitingNotices returns the IDs of the waiting notices.
func waitingNotices(s *State) map[string]bool {
	waiting := make(map[string]bool, len(s.Outbox.Waiting))
	for _, n := range s.Outbox.Waiting {
		waiting[n.ID] = true
	}
	return waiting
}

// handOff returns the notices to hand off now, with the approval or run as it is now.
func handOff(a Activation, now time.Time) *workflows.HandOff {
	due := a.State.Outbox.Due(now)
	if len(due) == 0 {
		return nil
	}
	notices := slices.Clone(due)
	for i := range notices {
		n := &notices[i]
		n.Source, n.Agent, n.ActivationID = workflowID(a), a.Start.Agent, a.Start.ActivationID
		fill(&a.State, n)
	}
	return &workflows.HandOff{Source: workflowID(a), Agent: a.Start.Agent, Notices: notices}
}

// fill sets the data and receivers of a notice. Its approval or run is still there: none is removed while a notice about it waits.
func fill(s *State, n *workflows.PostedNotice) {
	if n.Kind == workflows.NoticeActivationActivated && s.Activated != nil {
		change := *n.Data.Activation
		change.User, change.HasAPIKey = s.Activated.User, len(s.Activated.SealedAPIKey) > 0
		n.Data.Activation = &change
		return
	}
	for i := range s.Approvals {
		if s.Approvals[i].NoticeID == n.ID {
			approval := s.Approvals[i].Approval
			n.Data.Approval, n.ReplyTo, n.Notify = &approval, approval.ReplyTo, approval.Notify
			return
		}
	}
	for i := range s.Runs {
		if s.Runs[i].WarningID == n.ID || s.Runs[i].EndID == n.ID {
			run := s.Runs[i].Run
			n.Data.Run, n.ReplyTo = &run, run.ReplyTo
			return
		}
	}
}

// HandOffStarted records that a hand-off begins. From now on the approvals in its notices are final, because a receiver may already have them.
// If Temporal refuses the task that began it, this record is lost with the task, but the receiver has the notice. If an event that came
// during that task has an earlier provider's time, it changes the end, and a second notice says so. The last notice counts.
func HandOffStarted(a Activation, h workflows.HandOff) Activation {
	a = clone(a)
	begun := make(map[string]bool, len(h.Notices))
	for _, n := range h.Notices {
		begun[n.ID] = true
	}
	for i := range a.State.Approvals {
		if approval := &a.State.Approvals[i]; begun[approval.NoticeID] {
			approval.HandOffStarted = true
		}
	}
	return a
}

// HandOffSucceeded applies a successful hand-off. An approval whose notice had no target can still be corrected.
func HandOffSucceeded(a Activation, h workflows.HandOff, result workflows.HandOffResult) Activation {
	a = clone(a)
	a.State.Outbox = a.State.Outbox.Remove(h.Notices)
	for i := range a.State.Approvals {
		if approval := &a.State.Approvals[i]; approval.HandOffStarted && slices.Contains(result.WithoutTarget, approval.NoticeID) {
			approval.HandOffStarted = false
		}
	}
	return a
}

// HandOffFailed applies a failed hand-off.
func HandOffFailed(a Activation, h workflows.HandOff, f rules.Failure, now time.Time) Activation {
	a.State.Outbox = a.State.Outbox.Failed(h.Notices, f, now)
	return a
}
