package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Checked applies the result of a check. A check without an answer is repeated after pauses from one minute to one hour, until the time
// for checks is over.
func Checked(a Activation, messageID string, result workflows.CheckApprovalResult, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	if result.Approved == nil {
		checkAgain(approval, now)
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

// CheckFailed expires an approval whose check ended with a final error. After any other failure the check is repeated after the pauses of
// Checked, until the time for checks is over. A check that a pause has stopped changes nothing.
func CheckFailed(a Activation, messageID string, f rules.Failure, now time.Time) (Activation, []Note) {
	a = clone(a)
	approval := findApproval(&a.State, messageID)
	if approval == nil || approval.Status != workflows.ApprovalOpen {
		return a, nil
	}
	if due, ticking := dueAt(&a.State, approval); !ticking || due.After(now) {
		return a, nil
	}
	if f.Final {
		return a, expireApproval(&a, approval, "its check ended: "+workflows.Clip(f.Message, maxReasonBytes), now)
	}
	checkAgain(approval, now)
	return a, []Note{{Text: "approval check failed", ID: messageID, Why: f.Type}}
}

func checkAgain(approval *Approval, now time.Time) {
	approval.NextCheckAt = now.Add(min(firstCheckPause<<min(approval.EmptyChecks, 10), longestCheckPause))
	approval.EmptyChecks++
	approval.CheckSilent = false
}

func checkedUntil(a *Activation, approval *Approval) (time.Time, bool) {
	return reach(&a.State, approval.CheckingSince, approval.CheckingSince.Add(a.Start.Options.CheckFor.Std()))
}

func checkSilentAt(s *State, approval *Approval) (time.Time, bool) {
	begun := approval.CheckingSince
	if approval.NextCheckAt.After(begun) {
		begun = approval.NextCheckAt
	}
	return reach(s, begun, begun.Add(checkSilentAfter))
}

// checkSilentAfter is how long a check may have no result before a person should look: the agent's worker may be missing, or its activity
// fails.
const checkSilentAfter = 3 * time.Minute

// Check is a check of an approval by the agent's worker on Queue, until Until.
type Check struct {
	Params workflows.CheckApprovalParams
	Queue  string
	Until  time.Time
	// Title is a short text for the Web UI. The server refuses a title of more than 400 bytes of JSON, and with it the whole workflow task.
	Title string
}

const (
	firstCheckPause   = time.Minute
	longestCheckPause = time.Hour
)
