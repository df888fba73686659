package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// The carried state goes through continue-as-new as one payload, and a payload fails at 2 MiB. So each part has a share of it, in bytes
// of JSON. The largest state is the sum of these shares and of the parts of fixed size (seen keys 40 KiB, force-failed runs 70 KiB, pauses 30
// KiB, key and user 40 KiB): 1.94 MiB.
const (
	maxOpenApprovalBytes   = 1100 << 10 // above it, new approvals are refused; about 500 approvals of the usual size
	maxClosedApprovalBytes = 300 << 10  // above it, the oldest are removed
	maxOpenRunBytes        = 250 << 10  // above it, new runs are refused; about 250 runs
	maxEndedRunBytes       = 75 << 10
	maxEarlyBytes          = 75 << 10
)

// Closed items are kept for people: the newest of each kind, and none longer than keepHorizon.
const (
	keepHorizon = 30 * 24 * time.Hour

	// crowdedHorizon is how long an open run may be idle while little room is left for runs.
	crowdedHorizon = 24 * time.Hour
)

const (
	// maxSeen is the size of the window of dedupe keys. Artmail tries an event four times at once and three times more "over hours", so
	// duplicates come within a day. People (pauses, answers) and runs of a quarter of an hour make the events of an activation; 2,000 a day
	// is far more than that. A duplicate beyond the window changes nothing, because each rule is idempotent by message, run, or time of a
	// pause.
	maxSeen = 2000

	// maxFailed is how many removed force-failed runs are remembered. In a backlog, agents register the requests of such runs later.
	maxFailed = 1000

	// maxChanges is how many pauses and resumes are remembered.
	maxChanges = 100

	// maxReconciles is the most reconciles at once, below the server's limit of 2,000 pending activities. All that are due together must fit:
	// otherwise the last would wait for the whole time of the first if no worker polls the agent's queue.
	maxReconciles = 1000

	// Texts of events are cut to so many bytes of JSON. Texts of updates are within the contract's limits, or the update is refused.
	maxID           = workflows.MaxIDBytes
	maxReasonBytes  = workflows.MaxShortTextBytes        // written by a person
	maxCancelReason = 2*workflows.MaxShortTextBytes + 10 // why and by whom an approval was cancelled
	maxTitle        = 300                                // in the summary of an activity; the server refuses more than 400
	maxWord         = 100                                // a reason that is one of the provider's fixed words

	maxSealedKey   = 16 << 10 // bytes
	maxFingerprint = 256      // bytes; one has about 40

	// maxOtherKeys limits the fingerprints of other API keys. Artmail sends one key, so the first other one already needs a person.
	maxOtherKeys = 4
)

// approvalBytes returns the bytes of an approval: its texts, its notice, and, while it is open, room for the longest end.
func approvalBytes(a *Approval) int {
	const fixed = 850 // names of fields, times, and the entry of its notice in the outbox
	n := fixed + workflows.JSONLen(a.MessageID) + workflows.JSONLen(a.RunID) + workflows.JSONLen(a.Subject) + replyToBytes(a.ReplyTo) + notifyBytes(a.Notify)
	if a.Status == workflows.ApprovalOpen {
		return n + maxCancelReason
	}
	return n + workflows.JSONLen(a.Reason) + workflows.JSONLen(a.ResponseMessageID)
}

// runBytes returns the bytes of a run: its texts, a warning and an end that wait for the hand-off, and room for the provider's reason.
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

// prune removes closed items beyond their limits. It never removes open items, or items whose notice waits.
func prune(s *State, now time.Time) {
	waiting := waitingNotices(s)
	pruneApprovals(s, waiting, now)
	pruneRuns(s, waiting, now)
}

// removableItems are items that may be removed.
type removableItems []removableItem

type removableItem struct {
	index int
	at    time.Time
	bytes int
}

func (r *removableItems) add(index int, at time.Time, bytes int) {
	*r = append(*r, removableItem{index, at, bytes})
}

// beyond returns the indexes of the items to remove: all but the newest within budget bytes and keepHorizon.
func (r removableItems) beyond(budget int, now time.Time) []int {
	slices.SortStableFunc(r, func(a, b removableItem) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return b.index - a.index
	})
	var drop []int
	for _, item := range r {
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
		if _, dropped := slices.BinarySearch(drop, i); !dropped {
			left = append(left, item)
		}
	}
	return left
}
