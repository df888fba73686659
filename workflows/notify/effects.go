package notify

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// carryOut starts each delivery that is wanted and whose target has none under way, and gives up those of notices that wait no more.
func (r *run) carryOut(effects lifecycle.Effects) {
	r.deliveries = slices.DeleteFunc(r.deliveries, func(d delivery) bool {
		if lifecycle.Waits(r.state, key(d)) {
			return false
		}
		d.Drop()
		return true
	})
	for _, wanted := range effects.Deliver {
		busy := slices.ContainsFunc(r.deliveries, func(d delivery) bool { return d.Params.To == wanted.To })
		if !busy {
			r.deliveries = append(r.deliveries, deliver(r.Ctx, wanted))
		}
	}
	r.Timer.Set(r.Ctx, r.Now(), effects.WakeAt, "End unless notices come")
}

// collect gives the results of deliveries to the rules.
func (r *run) collect() {
	var underWay []delivery
	for _, d := range r.deliveries {
		if !d.Done() {
			underWay = append(underWay, d)
			continue
		}
		r.Step(1)
		notice := key(d)
		if attempts, failure := outcome(r.Ctx, &d); failure == nil {
			r.apply(lifecycle.Delivered(r.state, notice, attempts, r.Now()))
		} else {
			r.apply(lifecycle.Failed(r.state, notice, *failure, attempts, r.Now()))
		}
	}
	r.deliveries = underWay
}

func key(d delivery) lifecycle.Key {
	return lifecycle.Key{ID: d.Params.Notice.ID, To: d.Params.To}
}
