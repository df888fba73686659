package artmailactivation

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// reconcile is a running reconcile of an approval.
type reconcile struct {
	wanted lifecycle.Reconcile
	call   reconcileCall
}

// is reports whether the reconcile is the wanted one: the same approval, on the same queue, until the same time.
func (c *reconcile) is(wanted lifecycle.Reconcile) bool {
	return c.wanted.Params.MessageID == wanted.Params.MessageID && c.wanted.Queue == wanted.Queue && c.wanted.Until.Equal(wanted.Until)
}

// carryOut starts the calls that the rules want and that are not running, and cancels running calls that the rules no longer want.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.carryOutReconcile(fx)
	r.carryOutHandOff(fx)
	r.Timer.Set(r.Ctx, r.Now(), fx.Wake, fx.WakeFor)
}

// carryOutReconcile also drops the reconcile of an approval that is closed, or whose clock has stopped.
func (r *run) carryOutReconcile(fx lifecycle.Effects) {
	var left []reconcile
	for i := range r.reconciles {
		c := &r.reconciles[i]
		if slices.ContainsFunc(fx.Reconcile, c.is) {
			left = append(left, *c)
		} else {
			c.call.Drop()
		}
	}
	r.reconciles = left
	for _, w := range fx.Reconcile {
		if !slices.ContainsFunc(r.reconciles, func(c reconcile) bool { return c.is(w) }) {
			r.reconciles = append(r.reconciles, reconcile{wanted: w, call: startReconcile(r.Ctx, w, r.Now())})
		}
	}
}

func (r *run) carryOutHandOff(fx lifecycle.Effects) {
	if fx.HandOff != nil && !r.handOff.Running() {
		r.apply(lifecycle.HandOffStarted(r.a, *fx.HandOff), nil)
		r.handOff = entity.StartHandOff(r.Ctx, *fx.HandOff)
	}
}

func (r *run) anyReconcileDone() bool {
	return slices.ContainsFunc(r.reconciles, func(c reconcile) bool { return c.call.Done() })
}

// applyResults applies the results of calls that have ended. That of the hand-off comes first, because it makes room in the outbox.
func (r *run) applyResults() {
	if r.handOff.Done() {
		if params, result, failed := r.handOff.Take(r.Ctx); failed != nil {
			r.LogFailedHandOff(params, *failed)
			r.apply(lifecycle.HandOffFailed(r.a, params, *failed, r.Now()), nil)
		} else {
			r.apply(lifecycle.HandOffSucceeded(r.a, params, result), nil)
		}
		r.Step(1)
	}
	var left []reconcile
	for i := range r.reconciles {
		c := &r.reconciles[i]
		if !c.call.Done() {
			left = append(left, *c)
			continue
		}
		if params, result, failed := c.call.Take(r.Ctx); failed != nil {
			r.apply(lifecycle.ReconcileFailed(r.a, params.MessageID, *failed, r.Now()))
		} else {
			r.apply(lifecycle.Reconciled(r.a, params.MessageID, result, r.Now()))
		}
		r.Step(1)
	}
	r.reconciles = left
}
