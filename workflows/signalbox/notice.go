package signalbox

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ReplyHere says that the calling workflow gets notices by a signal of this name. It holds beyond the workflow's continue-as-new. Notices to
// a workflow that has ended are given up, which the workflow "notify" shows.
func ReplyHere(ctx workflow.Context, signal string) *workflows.ReplyTo {
	return &workflows.ReplyTo{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, Signal: signal}
}

// seenNotices bounds the IDs that are remembered. Notices of one source are few, and one is repeated only until its delivery is confirmed.
const seenNotices = 1000

// Notices receives the notices that come by one signal, each of them once: they are delivered at least once. It belongs to one workflow run.
type Notices struct {
	channel workflow.ReceiveChannel
	waiting []workflows.Notice
	seen    []string // oldest first
	known   map[string]bool
}

// ReceiveNotices makes a receiver. A workflow that continues as new first takes what is Pending, and gives Seen to the receiver of its next
// run.
func ReceiveNotices(ctx workflow.Context, signal string, seen ...string) *Notices {
	n := &Notices{channel: workflow.GetSignalChannel(ctx, signal), known: map[string]bool{}}
	for _, id := range seen {
		n.remember(id)
	}
	return n
}

// Receive waits for the next notice, for as long as it takes. It fails only when ctx is cancelled.
func (n *Notices) Receive(ctx workflow.Context) (workflows.Notice, error) {
	if err := workflow.Await(ctx, n.Pending); err != nil {
		return workflows.Notice{}, fmt.Errorf("wait for a notice: %w", err)
	}
	next := n.waiting[0]
	n.waiting = n.waiting[1:]
	return next, nil
}

// Pending says whether Receive would return at once. It is a condition for workflow.Await.
func (n *Notices) Pending() bool {
	for {
		var notice workflows.Notice
		if !n.channel.ReceiveAsync(&notice) {
			return len(n.waiting) > 0
		}
		if !n.known[notice.ID] {
			n.remember(notice.ID)
			n.waiting = append(n.waiting, notice)
		}
	}
}

// Seen are the IDs of the newest notices, for the next run.
func (n *Notices) Seen() []string { return n.seen }

func (n *Notices) remember(id string) {
	n.known[id] = true
	n.seen = append(n.seen, id)
	if len(n.seen) > seenNotices {
		delete(n.known, n.seen[0])
		n.seen = n.seen[1:]
	}
}
