package artmailactivation

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// check is a check under way.
type check struct {
	wanted lifecycle.Check
	call   checkCall
}

// is says whether the check is the one that the rules want: the same approval, on the same queue, until the same time.
func (c *check) is(wanted lifecycle.Check) bool {
	return c.wanted.Params.MessageID == wanted.Params.MessageID && c.wanted.Queue == wanted.Queue && c.wanted.Until.Equal(wanted.Until)
}

// carryOut starts what the rules want and is not under way, and gives up what they don't want any more.
func (r *run) carryOut(effects lifecycle.Effects) {
	r.carryOutChecks(effects.Checks)
	if effects.HandOff != nil && !r.handOff.Running() {
		r.activation = lifecycle.HandingOff(r.activation, *effects.HandOff)
		r.handOff = entity.StartHandOff(r.Ctx, *effects.HandOff)
	}
	r.Timer.Set(r.Ctx, r.Now(), effects.Wake, effects.WakeFor)
}

// carryOutChecks drops the check of an approval that was answered or whose clock stands still.
func (r *run) carryOutChecks(wanted []lifecycle.Check) {
	var left []check
	for i := range r.checks {
		c := &r.checks[i]
		if slices.ContainsFunc(wanted, c.is) {
			left = append(left, *c)
		} else {
			c.call.Drop()
		}
	}
	r.checks = left
	for _, w := range wanted {
		if !slices.ContainsFunc(r.checks, func(c check) bool { return c.is(w) }) {
			r.checks = append(r.checks, check{wanted: w, call: startCheck(r.Ctx, w, r.Now())})
		}
	}
}

func (r *run) anyCheckDone() bool {
	return slices.ContainsFunc(r.checks, func(c check) bool { return c.call.Done() })
}

// collect takes the results of what was under way back to the rules.
func (r *run) collect() {
	if r.handOff.Done() {
		handOff, _, failure := r.handOff.Take(r.Ctx)
		r.Step(1)
		if failure == nil {
			r.activation = lifecycle.HandedOff(r.activation, handOff)
		} else {
			r.logFailedHandOff(handOff, *failure)
			r.activation = lifecycle.HandOffFailed(r.activation, handOff, *failure, r.Now())
		}
	}
	var left []check
	for i := range r.checks {
		c := &r.checks[i]
		if !c.call.Done() {
			left = append(left, *c)
			continue
		}
		r.Step(1)
		params, result, failure := c.call.Take(r.Ctx)
		var notes []lifecycle.Note
		if failure == nil {
			r.activation, notes = lifecycle.Checked(r.activation, params.MessageID, result, r.Now())
		} else {
			r.activation, notes = lifecycle.CheckFailed(r.activation, params.MessageID, *failure, r.Now())
		}
		r.log(notes)
	}
	r.checks = left
}
