package notify

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// startPause is the pause between two turns that start deliveries. All deliveries of one turn go to Temporal in one request, whose size is
// limited.
const startPause = time.Second

// longestWaitForRun is how long deliveries that don't fit the run may wait for the running ones. Then a new run starts them.
const longestWaitForRun = time.Hour

// carryOut drops running deliveries of notices that no longer wait. Then it starts the wanted deliveries that fit, at most one for each target.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.deliveries = slices.DeleteFunc(r.deliveries, func(d delivery) bool {
		if lifecycle.Waits(r.state, key(d)) {
			return false
		}
		d.Drop()
		return true
	})
	idle := slices.DeleteFunc(fx.Deliver, func(wanted lifecycle.Delivery) bool {
		return slices.ContainsFunc(r.deliveries, func(d delivery) bool { return d.Params.To == wanted.To })
	})
	plan := lifecycle.Startable(r.state, idle, r.running(), r.startedBytes)
	for _, wanted := range plan.Start {
		r.deliveries = append(r.deliveries, startDelivery(r.Ctx, wanted))
		r.startedBytes += wanted.Bytes
	}
	if plan.More {
		r.Timer.Set(r.Ctx, r.Now(), r.Now().Add(startPause), "Start more deliveries")
	}
	switch {
	case !plan.Full:
		r.newRunAt = time.Time{}
	case plan.NewRun && len(r.deliveries) == 0:
		r.newRunAt = r.Now()
	case plan.NewRun: // the attempts under way may end first
		r.newRunAt = rules.Sooner(r.newRunAt, r.Now().Add(deliverAttempt))
	case r.newRunAt.IsZero():
		r.newRunAt = r.Now().Add(longestWaitForRun)
	}
	r.Timer.Set(r.Ctx, r.Now(), r.newRunAt, "Start other deliveries in a new run")
	r.Timer.Set(r.Ctx, r.Now(), fx.Wake, "End unless notices come")
}

// applyResults applies the results of deliveries that have ended.
func (r *run) applyResults() {
	var running []delivery
	for _, d := range r.deliveries {
		if !d.Done() {
			running = append(running, d)
			continue
		}
		r.Step(1)
		notice := key(d)
		if attempts, failure := takeResult(r.Ctx, &d); failure == nil {
			r.apply(lifecycle.Delivered(r.state, notice, attempts, r.Now()))
		} else {
			r.apply(lifecycle.Failed(r.state, notice, *failure, attempts, r.Now()))
		}
	}
	r.deliveries = running
}

// running returns the keys of the running deliveries.
func (r *run) running() []lifecycle.Key {
	var keys []lifecycle.Key
	for _, d := range r.deliveries {
		keys = append(keys, key(d))
	}
	return keys
}

func key(d delivery) lifecycle.Key {
	return lifecycle.Key{ID: d.Params.Notice.ID, To: d.Params.To}
}
