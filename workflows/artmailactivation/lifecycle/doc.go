// Package lifecycle holds the rules of an Artmail activation: what an event, a call of the business app or the clock changes.
//
// Every rule takes the State, what happened and the time now, and leaves in the State both where things stand and what is still to
// be done: replies that are not confirmed yet, approvals to check, the next moment to wake at. So what must be done survives
// continue-as-new as part of the carried state, and the caller makes it so from whatever it finds there. What a rule returns beside
// that are Notes, for the log alone.
//
// The package knows no Temporal, no clock and no log, and no interface or function value stands in its state: the static check for
// nondeterminism sees through all of it.
//
// Artmail delivers late, twice and out of order. Where its times decide, the result is a function of the set of events and not of
// their order: status and paused time come from a sorted record of pauses and resumes, the API key from the earliest activation, the
// answer to an approval that is registered later from the earliest response. Where something was already told to whoever waits (an
// approval that is closed), it stays: final is final.
package lifecycle
