package offloadcase

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// carryOut starts what the rules want under way and is not, and gives up what they don't want any more.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.carryOutCreate(fx)
	r.carryOutAnswer(fx)
	r.carryOutLook(fx)
	r.carryOutReconcile(fx)
	r.carryOutFiles(fx)
	r.carryOutReply(fx)
	if !fx.Ended || !fx.Wake.IsZero() { // the end takes a useless timer with it; cancelling it would be one event more
		r.timer.set(r.ctx, r.now(), fx.Wake, fx.WakeFor)
	}
}

func (r *run) carryOutCreate(fx lifecycle.Effects) {
	switch {
	case fx.Create == nil:
		r.create.giveUp()
	case !r.create.running():
		r.create = start(createPolicy(r.ctx, fx.KnownTrouble), workflows.ActivityOffloadCreateCase, *fx.Create)
	}
}

func (r *run) carryOutAnswer(fx lifecycle.Effects) {
	switch {
	case fx.Answer == nil || r.answer.running() && r.answerParams != *fx.Answer:
		r.answer.giveUp()
	case !r.answer.running():
		r.answerParams = *fx.Answer
		r.answer = start(answerPolicy(r.ctx), workflows.ActivityOffloadProvideInput, *fx.Answer)
	}
}

func (r *run) carryOutLook(fx lifecycle.Effects) {
	switch {
	case fx.Look == nil:
		r.look.giveUp()
		r.look = call{}
	case !r.look.running():
		r.look = start(lookPolicy(r.ctx), workflows.ActivityOffloadGetCase, *fx.Look)
	}
}

func (r *run) carryOutReconcile(fx lifecycle.Effects) {
	if r.reconcile.running() && (fx.Reconcile == nil || r.reconcileParams != *fx.Reconcile) {
		r.reconcile.giveUp()
		r.reconcile = call{}
	}
	if fx.Reconcile != nil && !r.reconcile.running() {
		r.reconcileParams = *fx.Reconcile
		r.reconcile = start(reconcilePolicy(r.ctx, fx.KnownTrouble, *fx.Reconcile), workflows.ActivityOffloadReconcileCase, *fx.Reconcile)
	}
}

// carryOutReply holds the outcome back until nothing can change it any more: a creation or an answer may still come to its end.
func (r *run) carryOutReply(fx lifecycle.Effects) {
	unsettled := fx.Ended && (r.create.running() || r.answer.running())
	if fx.Reply == nil || r.reply.running() || unsettled {
		return
	}
	to := r.c.Start.ReplyTo
	r.replyID = fx.Reply.ID
	r.reply = call{future: workflow.SignalExternalWorkflow(r.ctx, to.WorkflowID, "", to.Signal, *fx.Reply)}
}

func start(ctx workflow.Context, activity string, params any) call {
	ctx, cancel := workflow.WithCancel(ctx)
	return call{future: workflow.ExecuteActivity(ctx, activity, params), cancel: cancel}
}

// collect lets the rules have the results of what is done.
func (r *run) collect() {
	if r.create.done() {
		var result workflows.CreateCaseResult
		err := r.create.future.Get(r.ctx, &result)
		r.create = call{}
		if err == nil {
			r.take(lifecycle.Created(r.c, result, r.now()))
		} else {
			r.take(lifecycle.CreateFailed(r.c, failure(err), r.now()))
		}
	}
	if r.answer.done() {
		var result workflows.ProvideInputResult
		err := r.answer.future.Get(r.ctx, &result)
		r.answer = call{}
		if err == nil {
			r.take(lifecycle.Answered(r.c, r.answerParams.QuestionID, result, r.now()))
		} else {
			r.take(lifecycle.AnswerFailed(r.c, r.answerParams.QuestionID, failure(err), r.now()))
		}
	}
	if r.look.done() {
		var snapshot workflows.CaseSnapshot
		err := r.look.future.Get(r.ctx, &snapshot)
		r.look = call{}
		if err == nil {
			r.take(lifecycle.Looked(r.c, snapshot, r.now()))
		} else {
			r.take(lifecycle.LookFailed(r.c, failure(err), r.now()))
		}
	}
	if r.reconcile.done() {
		var snapshot workflows.CaseSnapshot
		err := r.reconcile.future.Get(r.ctx, &snapshot)
		r.reconcile = call{}
		if err == nil {
			r.take(lifecycle.Polled(r.c, snapshot, r.now()))
		} else {
			r.take(lifecycle.PollFailed(r.c, failure(err), r.now()))
		}
	}
	r.collectFiles()
	if r.reply.done() {
		err := r.reply.future.Get(r.ctx, nil)
		r.reply = call{}
		if err == nil {
			r.take(lifecycle.ReplyConfirmed(r.c, r.replyID))
		} else {
			workflow.GetLogger(r.ctx).Warn("reply refused", "target", r.c.Start.ReplyTo.WorkflowID, "reply", r.replyID, "error", err)
			r.take(lifecycle.ReplyRefused(r.c, r.replyID, r.now()))
		}
	}
}
