// Package entity is what every long-lived workflow here shares on Temporal's side: the loop's helpers, one timer, activities in flight, what
// is published, updates and their refusals, the hand-off of notices, continue-as-new.
//
// A workflow is one loop in one coroutine. Update handlers change the state and return at once. The loop takes in what happened, asks its
// rules what must be under way now, and makes it so:
//
//	for {
//		take in signals, results of calls, the time   // nothing from here to a return yields
//		effects := lifecycle.Next(state, now)
//		r.Publish(…)
//		return, or continue as new, where the effects allow it
//		start what is wanted and not under way, give up what is not wanted any more
//		r.Await(calls…)
//	}
//
// Whatever outlives a run stands in the state that the rules own. What stands beside it here can be lost, and is made again from the state.
package entity
