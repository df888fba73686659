package signalbox

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ReplyHere returns a ReplyTo that sends notices to the calling workflow by a signal of this name. It stays valid when the workflow
// continues as new. Once the workflow has ended, its notices are given up; the workflow "notify" lists them.
func ReplyHere(ctx workflow.Context, signal string) *workflows.ReplyTo {
	return &workflows.ReplyTo{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, Signal: signal}
}

// maxSeenNotices is how many IDs a receiver remembers. That is enough: one source sends few notices, and one is repeated only until its
// delivery is confirmed.
const maxSeenNotices = 1000

// Notices receives the notices of one signal and drops repetitions, since delivery is at least once. It belongs to one workflow run.
type Notices struct {
	channel workflow.ReceiveChannel
	waiting []workflows.Notice
	seen    []string // oldest first
}

// ReceiveNotices makes a receiver. Before a workflow continues as new, it must receive all that is Pending, and pass Seen to the receiver
// of its next run.
func ReceiveNotices(ctx workflow.Context, signal string, seen ...string) *Notices {
	n := &Notices{channel: workflow.GetSignalChannel(ctx, signal)}
	for _, id := range seen {
		n.remember(id)
	}
	return n
}

// Receive waits for the next notice, without a time limit. It fails only when ctx is cancelled.
func (n *Notices) Receive(ctx workflow.Context) (workflows.Notice, error) {
	if err := workflow.Await(ctx, n.Pending); err != nil {
		return workflows.Notice{}, fmt.Errorf("wait for a notice: %w", err)
	}
	next := n.waiting[0]
	n.waiting = n.waiting[1:]
	return next, nil
}

// Pending reports whether Receive would return at once. It can be the condition of workflow.Await.
func (n *Notices) Pending() bool {
	for {
		var notice workflows.Notice
		if !n.channel.ReceiveAsync(&notice) {
			return len(n.waiting) > 0
		}
		if !slices.Contains(n.seen, notice.ID) {
			n.remember(notice.ID)
			n.waiting = append(n.waiting, notice)
		}
	}
}

// Seen returns the IDs of the newest notices, for the next run.
func (n *Notices) Seen() []string { return n.seen }

func (n *Notices) remember(id string) {
	n.seen = append(n.seen, id)
	if len(n.seen) > maxSeenNotices {
		n.seen = n.seen[1:]
	}
}
