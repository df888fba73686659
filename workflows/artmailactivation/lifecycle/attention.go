package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Attention returns the reasons why a person should look, sorted; nil if there are none. After the end only refused and delayed notices
// count.
func Attention(a Activation) []string {
	s := &a.State
	var why []string
	if s.Outbox.Refused() {
		why = append(why, workflows.AttentionNoticeRefused)
	}
	if s.Outbox.Delayed() {
		why = append(why, workflows.AttentionNoticeDelayed)
	}
	if s.Ended != nil {
		slices.Sort(why)
		return why
	}
	if _, _, reason := statusOf(s); s.Status == workflows.ActivationPaused && reason == workflows.AttentionPausedByFailure {
		why = append(why, workflows.AttentionPausedByFailure)
	}
	if s.Activated == nil || len(s.Activated.SealedAPIKey) == 0 {
		why = append(why, workflows.AttentionNoAPIKey)
	}
	if !s.KeyConflictAt.IsZero() {
		why = append(why, workflows.AttentionAPIKeyConflict)
	}
	if slices.ContainsFunc(s.Runs, func(r Run) bool { return runNeedsPerson(s, r) }) {
		why = append(why, workflows.AttentionRunStale)
	}
	if slices.ContainsFunc(s.Approvals, func(a Approval) bool { return responseUnclear(s, a) }) {
		why = append(why, workflows.AttentionResponseUnclear)
	}
	if !s.EarlyDroppedAt.IsZero() {
		why = append(why, workflows.AttentionResponseDropped)
	}
	if slices.ContainsFunc(s.Approvals, func(a Approval) bool { return reconcileSilent(s, a) }) {
		why = append(why, workflows.AttentionCheckUnanswered)
	}
	slices.Sort(why)
	return why
}

// reconcileSilent reports whether a reconcile needs a person. None does while the activation is paused, because its clock is stopped.
func reconcileSilent(s *State, a Approval) bool {
	return s.Status != workflows.ActivationPaused && a.Status == workflows.ApprovalOpen && a.ReconcileSilent
}

// responseUnclear reports whether the brand may have answered the approval, but not clearly.
func responseUnclear(s *State, a Approval) bool {
	return a.Unclear || a.Status == workflows.ApprovalOpen && !s.UnclearAt.IsZero()
}

// runNeedsPerson reports whether a stale run needs a person. None does while the activation is paused, because its clock is stopped.
func runNeedsPerson(s *State, r Run) bool {
	return s.Status != workflows.ActivationPaused && r.Status == workflows.RunOpen && r.Stale
}

// DueAt returns when the attention becomes urgent: the nearest deadline of an approval that needs a person, or force-failure of a stale
// run; without these, when the attention arose.
func DueAt(a Activation) time.Time {
	var due time.Time
	for i := range a.State.Approvals {
		if approval := &a.State.Approvals[i]; responseUnclear(&a.State, *approval) || reconcileSilent(&a.State, *approval) {
			at, _ := deadlineOf(&a.State, approval)
			due = rules.Sooner(due, at)
		}
	}
	for i := range a.State.Runs {
		if run := &a.State.Runs[i]; runNeedsPerson(&a.State, *run) {
			at, _ := forceFailAt(&a, run)
			due = rules.Sooner(due, at)
		}
	}
	if due.IsZero() {
		return a.State.AttentionSince
	}
	return due
}

// noteAttention keeps since when a person is needed.
func noteAttention(a *Activation, now time.Time) {
	switch needed := len(Attention(*a)) > 0; {
	case !needed:
		a.State.AttentionSince = time.Time{}
	case a.State.AttentionSince.IsZero():
		a.State.AttentionSince = now
	}
}
