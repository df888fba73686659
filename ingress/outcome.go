package ingress

import "github.com/signalbox-dev/signalbox/ingress/inbox"

// outcome is the result of a request, as metrics count it.
type outcome string

const (
	outcomeNew          outcome = "new"
	outcomeDuplicate    outcome = "duplicate"
	outcomeConflict     outcome = "conflict"
	outcomeIgnored      outcome = "ignored"
	outcomeDead         outcome = "dead"
	outcomeBadToken     outcome = "bad_token"
	outcomeBadSignature outcome = "bad_signature"
	outcomeRateLimited  outcome = "rate_limited"
	outcomeTooLarge     outcome = "too_large"
	outcomeCut          outcome = "cut"
	// outcomeNoRoom: there was no room for the body before its verification. Anybody can cause it, so no alert counts it.
	outcomeNoRoom      outcome = "no_room"
	outcomeBusy        outcome = "busy"
	outcomeUnavailable outcome = "unavailable"
)

// outcomes lists every outcome. The metrics show each of them from the start, with the value zero.
var outcomes = []outcome{
	outcomeNew, outcomeDuplicate, outcomeConflict, outcomeIgnored, outcomeDead, outcomeBadToken, outcomeBadSignature, outcomeRateLimited,
	outcomeTooLarge, outcomeCut, outcomeNoRoom, outcomeBusy, outcomeUnavailable,
}

func outcomeOf(state inbox.State, stored inbox.Outcome) outcome {
	switch {
	case stored == inbox.OutcomeDuplicate:
		return outcomeDuplicate
	case state == inbox.StateDead:
		return outcomeDead
	case state == inbox.StateIgnored:
		return outcomeIgnored
	case stored == inbox.OutcomeConflict:
		return outcomeConflict
	default:
		return outcomeNew
	}
}
