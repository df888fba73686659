package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Reconciled applies the result of a reconcile: the agent's activity "check-approval" has asked Artmail for the answer to an approval. Without an
// answer it is repeated after pauses from one minute to one hour, until the time for it is over. Logs and the Web UI call it a check.
func Reconciled(a Activation, messageID string, result workflows.CheckApprovalResult, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	if result.Approved == nil {
		reconcileAgain(approval, now)
		return a, []Note{{Text: "approval check found no answer", ID: messageID}}
	}
	status := workflows.ApprovalRejected
	if *result.Approved {
		status = workflows.ApprovalApproved
	}
	closeApproval(&a, approval, closing{
		status: status, source: workflows.NewsByPoll,
		reason: workflows.Clip(result.Reason, maxReasonBytes), responseMessageID: workflows.Clip(result.MessageID, maxID),
	}, now)
	return a, []Note{{Text: "approval check found an answer", ID: messageID}}
}

// ReconcileFailed expires an approval whose reconcile ended with a final error. After any other failure it is repeated after the pauses of
// Reconciled, until the time for it is over. A reconcile that a pause has stopped changes nothing.
func ReconcileFailed(a Activation, messageID string, f rules.Failure, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	if due, ticking := deadlineOf(&a.State, approval); !ticking || due.After(now) {
		return a, nil
	}
	if f.Final {
		return a, expireApproval(&a, approval, "its check ended: "+workflows.Clip(f.Message, maxReasonBytes), now)
	}
	reconcileAgain(approval, now)
	return a, []Note{{Text: "approval check failed", ID: messageID, Why: f.Type}}
}

func reconcileAgain(approval *Approval, now time.Time) {
	approval.NextReconcileAt = now.Add(rules.Backoff(firstReconcilePause, longestReconcilePause, approval.EmptyReconciles))
	approval.EmptyReconciles++
	approval.ReconcileSilent = false
}

func reconciledUntil(a *Activation, approval *Approval) (time.Time, bool) {
	return reach(&a.State, approval.CheckingSince, approval.CheckingSince.Add(a.Start.Options.CheckFor.Std()))
}

func reconcileSilentAt(s *State, approval *Approval) (time.Time, bool) {
	begun := approval.CheckingSince
	if approval.NextReconcileAt.After(begun) {
		begun = approval.NextReconcileAt
	}
	return reach(s, begun, begun.Add(reconcileSilentAfter))
}

// reconcileSilentAfter is how long a reconcile may have no result before a person should look: the agent's worker may be missing, or its activity
// fails.
const reconcileSilentAfter = 3 * time.Minute

// Reconcile asks for the answer to an approval, by the agent's worker on Queue, until Until.
type Reconcile struct {
	Params workflows.CheckApprovalParams
	Queue  string
	Until  time.Time
	// Title is a short text for the Web UI. The server refuses a title of more than 400 bytes of JSON, and with it the whole workflow task.
	Title string
}

const (
	firstReconcilePause   = time.Minute
	longestReconcilePause = time.Hour
)
