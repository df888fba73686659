package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// What is carried goes through continue-as-new as one payload, and a payload fails at 2 MiB. So each part has its share of it, counted
// in bytes of JSON. The worst case is the sum of these and of the parts of fixed size (seen keys 40 KiB, pauses 30 KiB, key and user
// 40 KiB): 1.9 MiB.
const (
	maxOpenApprovalBytes   = 1100 << 10 // beyond it, registering is refused; about 500 approvals of the usual size
	maxClosedApprovalBytes = 300 << 10  // beyond it, the oldest are forgotten
	maxOpenRunBytes        = 250 << 10  // beyond it, opening is refused; about 250 runs
	maxEndedRunBytes       = 75 << 10
	maxEarlyBytes          = 75 << 10
)

// What is closed is kept for people who look, the newest of each kind, and not for longer than the horizon.
const (
	keepHorizon = 30 * 24 * time.Hour

	// crowdedHorizon is how long an open run may be idle while there is little room left for runs.
	crowdedHorizon = 24 * time.Hour
)

const (
	// maxSeen bounds the window of seen dedupe keys. Artmail tries an event four times at once and three times more "over hours", so the
	// duplicates of an event come within a day of it. An activation's events are made by people (pauses, answers to approvals) and by runs
	// of a quarter of an hour; 2,000 a day is far more than that, and several bursts of hundreds of approvals fit in. A duplicate that
	// slips past the window changes no outcome, since each rule is idempotent by its own ID: message, run, or time of a pause.
	maxSeen = 2000

	// maxChanges bounds the pauses and resumes whose time is remembered.
	maxChanges = 100

	// maxChecks bounds the checks under way at once, well under the server's limit of 2,000 pending activities. All that are due together
	// have to fit, or the last would wait for the whole time of the first when no worker polls the agent's queue.
	maxChecks = 1000

	// Texts are cut at so many bytes of JSON. What an update brings is refused beyond the contract's limits, and fits.
	maxID           = workflows.MaxIDBytes
	maxReason       = workflows.MaxShortTextBytes        // of a person
	maxCancelReason = 2*workflows.MaxShortTextBytes + 10 // why and by whom an approval was cancelled
	maxTitle        = 300                                // the summary of an activity; the server refuses more than 400
	maxWord         = 100                                // a reason that is one of the provider's words

	maxSealedKey   = 16 << 10 // bytes
	maxFingerprint = 256      // bytes; one has about 40
)

// approvalBytes counts all texts of an approval, its notice, and room for the longest end while it is open.
func approvalBytes(a *Approval) int {
	const fixed = 850 // names of fields, times, and the entry of its notice in the outbox
	n := fixed + workflows.JSONLen(a.MessageID) + workflows.JSONLen(a.RunID) + workflows.JSONLen(a.Subject) + replyToBytes(a.ReplyTo) + notifyBytes(a.Notify)
	if a.Status == workflows.ApprovalOpen {
		return n + maxCancelReason
	}
	return n + workflows.JSONLen(a.Reason) + workflows.JSONLen(a.ResponseMessageID)
}

// runBytes counts all texts of a run, a warning and an end that wait to be handed off, and room for the provider's reason while it is open.
func runBytes(r *Run) int {
	const fixed = 850
	return fixed + workflows.JSONLen(r.RunID) + max(maxWord, workflows.JSONLen(r.Reason)) + replyToBytes(r.ReplyTo)
}

func responseBytes(r *Response) int {
	const fixed = 250
	return fixed + workflows.JSONLen(r.MessageID) + workflows.JSONLen(r.RequestID) + workflows.JSONLen(r.Reason)
}

func replyToBytes(r *workflows.ReplyTo) int {
	if r == nil {
		return 0
	}
	return workflows.JSONLen(r.WorkflowID) + workflows.JSONLen(r.Signal)
}

func notifyBytes(names []string) int {
	n := 0
	for _, name := range names {
		n += workflows.JSONLen(name) + 3 // quotes and comma
	}
	return n
}

// prune forgets what is closed beyond what is kept, and never what is open or has a notice that waits.
func prune(s *State, now time.Time) {
	waiting := waitingNotices(s)
	pruneApprovals(s, waiting, now)
	pruneRuns(s, waiting, now)
}

// kept is what may be forgotten.
type kept []keepable

type keepable struct {
	index int
	at    time.Time
	bytes int
}

func (k *kept) add(index int, at time.Time, bytes int) {
	*k = append(*k, keepable{index, at, bytes})
}

// beyond names the ones that go: all but the newest of budget bytes within the horizon.
func (k kept) beyond(budget int, now time.Time) []int {
	slices.SortStableFunc(k, func(a, b keepable) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return b.index - a.index
	})
	var drop []int
	for _, item := range k {
		budget -= item.bytes
		if budget < 0 || now.Sub(item.at) > keepHorizon {
			drop = append(drop, item.index)
		}
	}
	return drop
}

func without[T any](list []T, drop []int) []T {
	if len(drop) == 0 {
		return list
	}
	slices.Sort(drop)
	left := make([]T, 0, len(list))
	for i, item := range list {
		if _, goes := slices.BinarySearch(drop, i); !goes {
			left = append(left, item)
		}
	}
	return left
}
