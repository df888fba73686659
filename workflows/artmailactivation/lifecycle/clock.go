package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Tick applies the time: deadlines, stale runs, the removal of old closed items, the end of old attention, and since when a person is needed. The loop calls it after all other news, so it also
// enforces the limits of the state.
func Tick(a Activation, now time.Time) (Activation, []Note) {
	a = clone(a)
	var notes []Note
	for i := range a.State.Approvals {
		notes = append(notes, tickApproval(&a, &a.State.Approvals[i], now)...)
	}
	for i := range a.State.Runs {
		notes = append(notes, tickRun(&a, &a.State.Runs[i], now)...)
	}
	prune(&a.State, now)
	a.State.Outbox = a.State.Outbox.Tick(now)
	if rules.Due(rules.LastsUntil(a.State.KeyConflictAt), now) {
		a.State.KeyConflictAt = time.Time{}
	}
	switch needed := len(Attention(a)) > 0; {
	case !needed:
		a.State.NoticedAt = time.Time{}
	case a.State.NoticedAt.IsZero():
		a.State.NoticedAt = now
	}
	return a, notes
}

// tickApproval starts the check of an approval whose deadline has passed, and expires the approval if the check brings no answer. The
// time for the check begins with the check, not at the deadline, so that even after an outage of Signalbox one check runs.
func tickApproval(a *Activation, approval *Approval, now time.Time) []Note {
	due, runs := dueAt(&a.State, approval)
	switch {
	case !runs:
		return nil
	case due.After(now):
		// A late event about an older pause may have moved the deadline after the check began.
		approval.CheckingSince, approval.EmptyChecks, approval.NextCheckAt, approval.CheckSilent = time.Time{}, 0, time.Time{}, false
		return nil
	case a.Start.Options.CheckApprovalQueue == "":
		return expire(a, approval, "", now)
	case approval.CheckingSince.IsZero():
		approval.CheckingSince = now
		return []Note{{Text: "approval check started", ID: approval.MessageID, Why: "its deadline passed"}}
	}
	if until, _ := checkedUntil(a, approval); !until.After(now) {
		return expire(a, approval, "no check brought an answer", now)
	}
	silentAt, _ := checkSilentAt(&a.State, approval)
	approval.CheckSilent = !silentAt.After(now)
	return nil
}

func expire(a *Activation, approval *Approval, why string, now time.Time) []Note {
	decide(a, approval, decision{status: workflows.ApprovalExpired, source: workflows.NewsByClock, reason: expiredReason}, now)
	return []Note{{Text: "approval expired", ID: approval.MessageID, Why: why}}
}

func tickRun(a *Activation, run *Run, now time.Time) (notes []Note) {
	if at, runs := warnAt(a, run); runs && !at.After(now) {
		run.WarnedAt, run.Stale = now, true
		postWarning(a, run, now)
		notes = []Note{{Text: "run is stale", ID: run.RunID}}
	}
	if until, runs := staleUntil(a, run); runs && !until.After(now) {
		run.Stale = false
	}
	return notes
}

// dueAt returns when an open approval is due, and whether its clock runs. A deadline before the registration is due at once.
func dueAt(s *State, approval *Approval) (time.Time, bool) {
	if approval.Status != workflows.ApprovalOpen || approval.Deadline.IsZero() {
		return time.Time{}, false
	}
	return reach(s, approval.RequestedAt, approval.Deadline)
}

func checkedUntil(a *Activation, approval *Approval) (time.Time, bool) {
	return reach(&a.State, approval.CheckingSince, approval.CheckingSince.Add(a.Start.Options.CheckFor.Std()))
}

// checkSilentAfter is how long a check may have no result before a person should look: the agent's worker may be missing, or its activity
// fails.
const checkSilentAfter = 3 * time.Minute

func checkSilentAt(s *State, approval *Approval) (time.Time, bool) {
	begun := approval.CheckingSince
	if approval.NextCheckAt.After(begun) {
		begun = approval.NextCheckAt
	}
	return reach(s, begun, begun.Add(checkSilentAfter))
}

// warnAt returns when to warn of an open run that has no warning yet.
func warnAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen || !run.WarnedAt.IsZero() {
		return time.Time{}, false
	}
	o := a.Start.Options
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(o.StaleAfter.Std()-o.WarnBefore.Std()))
}

// failAt returns when Artmail will force-fail an open run without new activity.
func failAt(a *Activation, run *Run) (time.Time, bool) {
	if run.Status != workflows.RunOpen {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()))
}

// staleFor is how long a run stays stale after Artmail should have force-failed it. Such a run has ended at Artmail: the agent did not
// close it here, or its run_force_failed is lost. Nothing is left to save then.
const staleFor = time.Hour

// staleUntil returns when a stale run stops needing a person, although it is still open here.
func staleUntil(a *Activation, run *Run) (time.Time, bool) {
	if !stale(*run) {
		return time.Time{}, false
	}
	return reach(&a.State, run.LastActiveAt, run.LastActiveAt.Add(a.Start.Options.StaleAfter.Std()+staleFor))
}

// Checked applies the result of a check. A check without an answer is repeated after pauses from one minute to one hour, until the time
// for checks is over.
func Checked(a Activation, messageID string, result workflows.CheckApprovalResult, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	if result.Approved == nil {
		approval.NextCheckAt = now.Add(min(firstCheckPause<<min(approval.EmptyChecks, 10), longestCheckPause))
		approval.EmptyChecks++
		approval.CheckSilent = false
		return a, []Note{{Text: "approval check found no answer", ID: messageID}}
	}
	status := workflows.ApprovalRejected
	if *result.Approved {
		status = workflows.ApprovalApproved
	}
	decide(&a, approval, decision{
		status: status, source: workflows.NewsByPoll,
		reason: workflows.Clip(result.Reason, maxReason), responseMessageID: workflows.Clip(result.MessageID, maxID),
	}, now)
	return a, []Note{{Text: "approval check found an answer", ID: messageID}}
}

const (
	firstCheckPause   = time.Minute
	longestCheckPause = time.Hour
)

// CheckFailed expires an approval whose check failed: its time was over, or the activity returned a final error.
func CheckFailed(a Activation, messageID string, f rules.Failure, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	return a, expire(&a, approval, "its check ended: "+workflows.Clip(f.Message, maxReason), now)
}
