package offload

import (
	"math"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// pace bounds pauses, which grow by half each time from floor to ceiling. Each pause varies by a tenth within these bounds, so that calls
// that began together drift apart.
type pace struct{ floor, ceiling time.Duration }

const (
	growth = 1.5
	spread = 0.1
	// maxRetryAfter bounds the provider's Retry-After: a mistyped header must not stop a case for a year.
	maxRetryAfter = 24 * time.Hour
)

// pacing has the pace for transient failures and the slower one for failures that need a person.
type pacing struct{ transient, needsPerson pace }

// callPacing is the pacing of calls for which the workflow or a person waits.
var callPacing = pacing{
	transient:   pace{floor: time.Second, ceiling: 2 * time.Minute},
	needsPerson: pace{floor: 5 * time.Minute, ceiling: time.Hour},
}

// reconcilePacing returns the pacing of reconcile-case. The transient pace is also that of reads without news; the pace of failures that need a
// person is about the ceiling. Bounds of 0 or less become the contract's defaults.
func reconcilePacing(floor, ceiling workflows.Duration) pacing {
	if floor <= 0 {
		floor = workflows.DefaultPollFloor
	}
	if ceiling <= 0 {
		ceiling = workflows.DefaultPollCeiling
	}
	p := pace{floor: floor.Std(), ceiling: max(floor, ceiling).Std()}
	return pacing{transient: p, needsPerson: pace{floor: max(p.floor, p.ceiling-p.ceiling/10), ceiling: p.ceiling}}
}

// afterRead returns the pause after a read without news, within floor and ceiling. due is the time until Offload's next action; 0 or less if
// there is none. u is uniform in [0,1).
//
// The next action can only shorten the pause, so that the next read comes floor after it. It never makes the pause longer: the counterparty
// can reply, and so end the case, at any time before that action.
func (p pace) afterRead(attempt int32, due time.Duration, u float64) time.Duration {
	pause := p.grown(attempt)
	if due > 0 && due < pause {
		pause = min(pause, due+p.floor)
	}
	return p.spread(pause, u)
}

// afterFailure returns the pause after a failed call. It is at least retryAfter, even beyond the ceiling.
func (p pace) afterFailure(attempt int32, retryAfter time.Duration, u float64) time.Duration {
	retryAfter = min(max(retryAfter, 0), maxRetryAfter)
	return max(p.spread(p.grown(attempt), u), retryAfter+time.Duration(u*spread*float64(retryAfter)))
}

// grown returns the pause after an attempt (the first is 1), before spread varies it.
func (p pace) grown(attempt int32) time.Duration {
	grown := float64(p.floor) * math.Pow(growth, float64(max(attempt, 1)-1))
	if grown >= float64(p.ceiling) { // also when it is infinite
		return p.ceiling
	}
	return time.Duration(grown)
}

// spread varies a pause within the bounds.
func (p pace) spread(pause time.Duration, u float64) time.Duration {
	away := time.Duration(spread * float64(pause))
	earliest := max(p.floor, pause-away)
	latest := pause + min(away, p.ceiling-pause)
	return earliest + time.Duration(u*float64(latest-earliest))
}
