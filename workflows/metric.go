package workflows

// Metrics that workflows count by the SDK's handler, which keeps silent while a history is replayed. The handler adds the label
// "workflow_type". A process serves a counter with the suffix _total and a time with the suffix _seconds.
const (
	// MetricCaseTransitions counts changes of a case's status, by the new "state" and by the "source" that brought it: how often polling had to
	// repair a lost webhook is a number to watch.
	MetricCaseTransitions = "signalbox_case_transitions"
	// MetricActivationTransitions counts changes of an activation's status, by the new "state".
	MetricActivationTransitions = "signalbox_activation_transitions"
	// MetricEvents counts the events that a workflow has taken in, by "result": what its rules did with them.
	MetricEvents = "signalbox_workflow_events"
	// MetricApplied is the time from a webhook's acceptance until its workflow has applied it.
	MetricApplied = "signalbox_applied"
	// MetricNotices counts notices by "kind" and "result".
	MetricNotices = "signalbox_notices"
	// MetricCaseFiles counts the files of cases by "result".
	MetricCaseFiles = "signalbox_case_files"
)

// EventResult is what the rules of a workflow did with an event.
type EventResult string

// Results of events.
const (
	EventApplied   EventResult = "applied"
	EventDuplicate EventResult = "duplicate" // it is known
	EventLate      EventResult = "late"      // true, but something newer, or final, is known
	EventIgnored   EventResult = "ignored"   // it can't be used
)

// EventResults lists every result.
func EventResults() []EventResult {
	return []EventResult{EventApplied, EventDuplicate, EventLate, EventIgnored}
}
