package artmailactivation

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// check is a running check of an approval.
type check struct {
	wanted lifecycle.Check
	call   checkCall
}

// is reports whether the check is the wanted one: the same approval, on the same queue, until the same time.
func (c *check) is(wanted lifecycle.Check) bool {
	return c.wanted.Params.MessageID == wanted.Params.MessageID && c.wanted.Queue == wanted.Queue && c.wanted.Until.Equal(wanted.Until)
}

// carryOut starts the calls that the rules want and that are not running, and drops running checks that the rules no longer want.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.carryOutChecks(fx)
	r.carryOutHandOff(fx)
	r.Timer.Set(r.Ctx, r.Now(), fx.Wake, fx.WakeFor)
}

// carryOutChecks also drops the check of an approval that is closed, or whose clock has stopped.
func (r *run) carryOutChecks(fx lifecycle.Effects) {
	var left []check
	for i := range r.checks {
		c := &r.checks[i]
		if slices.ContainsFunc(fx.Checks, c.is) {
			left = append(left, *c)
		} else {
			c.call.Drop()
		}
	}
	r.checks = left
	for _, w := range fx.Checks {
		if !slices.ContainsFunc(r.checks, func(c check) bool { return c.is(w) }) {
			r.checks = append(r.checks, check{wanted: w, call: startCheck(r.Ctx, w, r.Now())})
		}
	}
}

func (r *run) carryOutHandOff(fx lifecycle.Effects) {
	if fx.HandOff != nil && !r.handOff.Running() {
		r.apply(lifecycle.HandingOff(r.a, *fx.HandOff), nil)
		r.handOff = entity.StartHandOff(r.Ctx, *fx.HandOff)
	}
}

func (r *run) anyCheckDone() bool {
	return slices.ContainsFunc(r.checks, func(c check) bool { return c.call.Done() })
}

// applyResults applies the results of calls that have ended.
func (r *run) applyResults() {
	if r.handOff.Done() {
		if params, result, failed := r.handOff.Take(r.Ctx); failed != nil {
			r.logFailedHandOff(params, *failed)
			r.apply(lifecycle.HandOffFailed(r.a, params, *failed, r.Now()), nil)
		} else {
			r.apply(lifecycle.HandedOff(r.a, params, result), nil)
		}
		r.Step(1)
	}
	var left []check
	for i := range r.checks {
		c := &r.checks[i]
		if !c.call.Done() {
			left = append(left, *c)
			continue
		}
		if params, result, failed := c.call.Take(r.Ctx); failed != nil {
			r.apply(lifecycle.CheckFailed(r.a, params.MessageID, *failed, r.Now()))
		} else {
			r.apply(lifecycle.Checked(r.a, params.MessageID, result, r.Now()))
		}
		r.Step(1)
	}
	r.checks = left
}
