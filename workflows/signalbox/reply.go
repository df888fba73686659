package signalbox

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ReplyHere says that the calling workflow is to be told, by a signal of this name. It holds beyond the workflow's continue-as-new.
// Answers to a workflow that has ended are given up, and the approval, run or case says so.
func ReplyHere(ctx workflow.Context, signal string) *workflows.ReplyTo {
	return &workflows.ReplyTo{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, Signal: signal}
}

// Reply is what arrives by such a signal.
type Reply interface {
	workflows.ApprovalReply | workflows.RunNotice | workflows.CaseReply
}

// seenReplies bounds the IDs that are remembered. A reply is repeated only until it is confirmed, so its repetition comes soon after it.
const seenReplies = 1000

// Replies receives the replies of one signal, each of them once: they are sent at least once. It belongs to one workflow run.
type Replies[R Reply] struct {
	channel workflow.ReceiveChannel
	waiting []R
	seen    []string // oldest first
	known   map[string]bool
}

// ReceiveReplies makes a receiver. A workflow that continues as new first takes what is Pending, and hands Seen to the receiver of
// its next run.
func ReceiveReplies[R Reply](ctx workflow.Context, signal string, seen ...string) *Replies[R] {
	r := &Replies[R]{channel: workflow.GetSignalChannel(ctx, signal), known: map[string]bool{}}
	for _, id := range seen {
		r.remember(id)
	}
	return r
}

// Receive waits for the next reply, for as long as it takes. It fails only when ctx is cancelled.
func (r *Replies[R]) Receive(ctx workflow.Context) (R, error) {
	if err := workflow.Await(ctx, r.Pending); err != nil {
		var none R
		return none, fmt.Errorf("wait for a reply: %w", err)
	}
	next := r.waiting[0]
	r.waiting = r.waiting[1:]
	return next, nil
}

// Pending says whether Receive would return at once. It is a condition for workflow.Await.
func (r *Replies[R]) Pending() bool {
	for {
		var reply R
		if !r.channel.ReceiveAsync(&reply) {
			return len(r.waiting) > 0
		}
		if id := replyID(reply); !r.known[id] {
			r.remember(id)
			r.waiting = append(r.waiting, reply)
		}
	}
}

// Seen are the IDs of the newest replies, for the next run.
func (r *Replies[R]) Seen() []string { return r.seen }

func (r *Replies[R]) remember(id string) {
	r.known[id] = true
	r.seen = append(r.seen, id)
	if len(r.seen) > seenReplies {
		delete(r.known, r.seen[0])
		r.seen = r.seen[1:]
	}
}

func replyID[R Reply](reply R) string {
	switch reply := any(reply).(type) {
	case workflows.ApprovalReply:
		return reply.ID
	case workflows.RunNotice:
		return reply.ID
	case workflows.CaseReply:
		return reply.ID
	}
	return ""
}
