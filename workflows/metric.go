package workflows

// Metrics that workflows record with the SDK's handler, which records nothing during replay. The handler adds the label "workflow_type".
// On the metrics page a counter has the suffix _total, and a time the suffix _seconds.
const (
	// MetricCaseTransitions counts changes of a case's status, by the new "state" and by "source". Watch the source "poll": it shows how
	// often a read replaced a lost webhook.
	MetricCaseTransitions = "signalbox_case_transitions"
	// MetricActivationTransitions counts changes of an activation's status, by the new "state".
	MetricActivationTransitions = "signalbox_activation_transitions"
	// MetricEvents counts the events that workflows have processed, by "result".
	MetricEvents = "signalbox_workflow_events"
	// MetricApplied is the time from a webhook's acceptance until its workflow has applied it.
	MetricApplied = "signalbox_applied"
	// MetricNotices counts notices by "kind" and "result".
	MetricNotices = "signalbox_notices"
	// MetricCaseFiles counts the files of cases by "result".
	MetricCaseFiles = "signalbox_case_files"
)

// EventResult is what a workflow did with an event.
type EventResult string

// Results of events.
const (
	EventApplied   EventResult = "applied"   // the workflow has it; one that waits for a read, or for its request, counts when it is kept
	EventDuplicate EventResult = "duplicate" // the event is already known
	EventLate      EventResult = "late"      // a newer or final event was applied before
	EventIgnored   EventResult = "ignored"   // the event can't be used
)

// EventResults returns all results.
func EventResults() []EventResult {
	return []EventResult{EventApplied, EventDuplicate, EventLate, EventIgnored}
}
