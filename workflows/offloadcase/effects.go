package offloadcase

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// carryOut starts the calls that the rules want and that are not running, and cancels running calls that the rules no longer want.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.carryOutCreate(fx)
	r.carryOutAnswer(fx)
	r.carryOutRead(fx)
	r.carryOutReconcile(fx)
	r.carryOutResultCheck(fx)
	r.carryOutHandOff(fx)
	r.Timer.Set(r.Ctx, r.Now(), fx.Wake, fx.WakeFor)
}

// carryOutCreate waits for the result of a call that it cancels: the call may have created the case.
func (r *run) carryOutCreate(fx lifecycle.Effects) {
	switch {
	case fx.Create == nil:
		r.create.Cancel()
	case !r.create.Running():
		params := *fx.Create
		params.OriginalRunID = workflow.GetInfo(r.Ctx).OriginalRunID
		r.create = startCreate(r.Ctx, fx.KnownTroubles, params)
	}
}

// carryOutAnswer waits for the result of a call that it cancels: the call may have delivered the answer.
func (r *run) carryOutAnswer(fx lifecycle.Effects) {
	switch {
	case fx.Answer == nil || r.answer.Running() && r.answer.Params != *fx.Answer:
		r.answer.Cancel()
	case !r.answer.Running():
		r.answer = startAnswer(r.Ctx, *fx.Answer)
	}
}

func (r *run) carryOutRead(fx lifecycle.Effects) {
	if r.read.Running() && (fx.Read == nil || r.read.Params != *fx.Read) {
		r.read.Drop()
	}
	if fx.Read != nil && !r.read.Running() {
		r.read = startRead(r.Ctx, *fx.Read)
	}
}

func (r *run) carryOutReconcile(fx lifecycle.Effects) {
	if r.reconcile.Running() && (fx.Reconcile == nil || r.reconcile.Params != *fx.Reconcile) {
		r.reconcile.Drop()
	}
	if fx.Reconcile != nil && !r.reconcile.Running() {
		r.reconcile = startReconcile(r.Ctx, fx.KnownTroubles, *fx.Reconcile)
	}
}

func (r *run) carryOutResultCheck(fx lifecycle.Effects) {
	if fx.ResultCheck != nil && !r.resultCheck.Running() {
		r.resultCheck = startResultCheck(r.Ctx, *fx.ResultCheck)
	}
}

// carryOutHandOff delays the hand-off of an outcome while a creation or an answer is running, because their results can change the
// outcome.
func (r *run) carryOutHandOff(fx lifecycle.Effects) {
	mayChange := fx.Ended && (r.create.Running() || r.answer.Running())
	if fx.HandOff != nil && !r.handOff.Running() && !mayChange {
		r.handOff = entity.StartHandOff(r.Ctx, *fx.HandOff)
	}
}

// applyResults applies the results of calls that have ended. That of the hand-off comes first, because it makes room in the outbox.
func (r *run) applyResults() {
	if r.handOff.Done() {
		if params, _, failed := r.handOff.Take(r.Ctx); failed != nil {
			r.LogFailedHandOff(params, *failed)
			r.applyResult(lifecycle.HandOffFailed(r.c, params, *failed, r.Now()))
		} else {
			r.applyResult(lifecycle.HandOffSucceeded(r.c, params))
		}
	}
	if r.create.Done() {
		if _, result, failed := r.create.Take(r.Ctx); failed != nil {
			r.applyResult(lifecycle.CreateFailed(r.c, *failed, r.Now()))
		} else {
			r.applyResult(lifecycle.Created(r.c, result, r.Now()))
		}
	}
	if r.answer.Done() {
		if params, result, failed := r.answer.Take(r.Ctx); failed != nil {
			r.applyResult(lifecycle.AnswerFailed(r.c, params.QuestionID, *failed, r.Now()))
		} else {
			r.applyResult(lifecycle.Answered(r.c, params.QuestionID, result, r.Now()))
		}
	}
	if r.read.Done() {
		if params, snapshot, failed := r.read.Take(r.Ctx); failed != nil {
			r.applyResult(lifecycle.ReadFailed(r.c, params, *failed, r.Now()))
		} else {
			r.applyResult(lifecycle.ReadDone(r.c, params, snapshot, r.Now()))
		}
	}
	if r.reconcile.Done() {
		if params, snapshot, failed := r.reconcile.Take(r.Ctx); failed != nil {
			r.applyResult(lifecycle.ReconcileFailed(r.c, params, *failed, r.Now()))
		} else {
			r.applyResult(lifecycle.Reconciled(r.c, params, snapshot, r.Now()))
		}
	}
	if r.resultCheck.Done() {
		if params, found, failed := r.resultCheck.Take(r.Ctx); failed != nil {
			r.applyResult(lifecycle.ResultCheckFailed(r.c, params, *failed))
		} else {
			r.applyResult(lifecycle.ResultChecked(r.c, params, found))
		}
	}
}

// applyResult applies the result of a call, which is a step of the run.
func (r *run) applyResult(next lifecycle.Case) {
	r.apply(next)
	r.Step(1)
}
