package offload

import (
	"math"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// pace is how pauses grow: from the floor by half each time up to the ceiling, a tenth sooner or later within them, so that what began
// together drifts apart.
type pace struct{ floor, ceiling time.Duration }

const (
	growth = 1.5
	spread = 0.1
	// maxRetryAfter bounds what the provider may ask for: a case must not sleep for a year on a mistyped header.
	maxRetryAfter = 24 * time.Hour
)

// pacing is the pace for what passes by itself, and the slow one for what a person has to mend.
type pacing struct{ soon, slow pace }

// waitedFor is the pacing of calls that the workflow or a person waits for.
var waitedFor = pacing{
	soon: pace{floor: time.Second, ceiling: 2 * time.Minute},
	slow: pace{floor: 5 * time.Minute, ceiling: time.Hour},
}

// reconciling is the pacing of reconcile-case: slow is the ceiling. Bounds that are no bounds become the contract's defaults.
func reconciling(floor, ceiling workflows.Duration) pacing {
	if floor <= 0 {
		floor = workflows.DefaultPollFloor
	}
	if ceiling <= 0 {
		ceiling = workflows.DefaultPollCeiling
	}
	soon := pace{floor: floor.Std(), ceiling: max(floor, ceiling).Std()}
	return pacing{soon: soon, slow: pace{floor: max(soon.floor, soon.ceiling-soon.ceiling/10), ceiling: soon.ceiling}}
}

// afterRead is the pause after a read without news, within floor and ceiling. due is the time until Offload's next action, not above 0 where
// there is none. u is uniform in [0,1).
//
// The next action only ever shortens the pause, to read a floor's time after it: it is when a follow-up may go out or the case be given up,
// but the counterparty can reply, and so end the case, at any time before.
func (p pace) afterRead(attempt int32, due time.Duration, u float64) time.Duration {
	pause := p.grown(attempt)
	if due > 0 && due < pause {
		pause = min(pause, due+p.floor)
	}
	return p.spread(pause, u)
}

// afterFailure is the pause after a failed call: never sooner than the provider asks, even beyond the ceiling.
func (p pace) afterFailure(attempt int32, retryAfter time.Duration, u float64) time.Duration {
	retryAfter = min(max(retryAfter, 0), maxRetryAfter)
	return max(p.spread(p.grown(attempt), u), retryAfter+time.Duration(u*spread*float64(retryAfter)))
}

// grown is the pause after that many attempts (the first is 1), before it is spread.
func (p pace) grown(attempt int32) time.Duration {
	grown := float64(p.floor) * math.Pow(growth, float64(max(attempt, 1)-1))
	if grown >= float64(p.ceiling) { // also when it is infinite
		return p.ceiling
	}
	return time.Duration(grown)
}

// spread keeps within the bounds: at each of them there is room on one side only.
func (p pace) spread(pause time.Duration, u float64) time.Duration {
	away := time.Duration(spread * float64(pause))
	earliest := max(p.floor, pause-away)
	latest := pause + min(away, p.ceiling-pause)
	return earliest + time.Duration(u*float64(latest-earliest))
}
