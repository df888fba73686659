// Package entity has the Temporal code that all long-lived workflows of Signalbox share: the parts of their loop, one timer, calls of
// activities, publishing, updates and refusals, the hand-off of notices, and continue-as-new.
//
// A workflow is one loop in one coroutine. Update handlers change the state and return at once. The loop applies the news, asks the rules
// which calls should run now, and starts or stops calls to match:
//
//	for {
//		apply signals, results of calls, a cancellation, the time   // nothing from here to a return yields
//		effects := lifecycle.Next(state, now)
//		r.Publish(…)
//		return, or continue as new, if the effects allow it
//		start the calls that should run, cancel those that should not
//		workflow.Await(news)
//	}
//
// All that must survive continue-as-new is in the state that the rules own. The rest lives in Run and Call; it can be lost, because the
// next run makes it again from the state.
//
// The workflows have the same files, and the same order and names in them. Around the rules: workflow.go (start of a run), handlers.go (query and
// updates), loop.go, effects.go and activities.go (calls), publish.go, versions.go. The rules, in lifecycle: doc.go (tables of events and states),
// state.go, event.go (news), reconcile.go (news by polling), next.go (what to do now), clock.go (what time changes), end.go, status.go,
// attention.go, view.go and details.go (what is shown), notice.go, limits.go; and a file for each subject. A workflow leaves out a file that it
// has no use for.
package entity
