package artmailactivation

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// sending is a reply under way to another workflow.
type sending struct {
	reply   lifecycle.Reply
	id      string
	settled workflow.Future
}

// sendReplies signals what is owed, a bounded number at a time. A reply stays in the state until it is confirmed.
func (a *activation) sendReplies(ctx workflow.Context) {
	underWay := make(map[string]bool, len(a.sending))
	for _, s := range a.sending {
		underWay[s.id] = true
	}
	for _, reply := range a.state.DueReplies(workflow.Now(ctx)) {
		if len(a.sending) == maxSending {
			return
		}
		id := a.state.ReplyID(reply)
		if underWay[id] {
			continue
		}
		to := a.state.To(reply)
		var settled workflow.Future
		if reply.Kind == "" {
			settled = workflow.SignalExternalWorkflow(ctx, to.WorkflowID, "", to.Signal, a.state.Answer(reply))
		} else {
			settled = workflow.SignalExternalWorkflow(ctx, to.WorkflowID, "", to.Signal, a.state.Notice(reply))
		}
		a.sending = append(a.sending, sending{reply: reply, id: id, settled: settled})
	}
}

func (a *activation) anySent() bool {
	for _, s := range a.sending {
		if s.settled.IsReady() {
			return true
		}
	}
	return false
}

// collectReplies forgets the replies that arrived, and those whose receiver is gone.
func (a *activation) collectReplies(ctx workflow.Context) {
	var left []sending
	for _, s := range a.sending {
		if !s.settled.IsReady() {
			left = append(left, s)
			continue
		}
		err := s.settled.Get(ctx, nil)
		if err == nil {
			a.state.Confirmed(s.reply)
			continue
		}
		why := err.Error()
		var unknown *temporal.UnknownExternalWorkflowExecutionError
		gone := errors.As(err, &unknown)
		if gone {
			why = "no such workflow is running"
		}
		a.note(ctx, a.state.Undelivered(s.reply, gone, why, workflow.Now(ctx)))
	}
	a.sending = left
}
