package workflows

import "time"

// EventMeta has the fields that events of all providers share.
type EventMeta struct {
	// DeliveryID is the ID of the delivery in the inbox.
	DeliveryID string `json:"deliveryId"`
	// DedupeKey identifies the event within one provider, account or agent, and workflow.
	DedupeKey string `json:"dedupeKey"`
	Kind      string `json:"kind"`
	// OccurredAt is the provider's time; zero if the provider gave none.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
	// ReceivedAt is when the ingress stored the delivery.
	ReceivedAt time.Time `json:"receivedAt"`
}

// AppliedEvent says when the ingress stored a webhook (AcceptedAt is the event's ReceivedAt) and when its workflow applied it. The ingress and
// Temporal have different clocks.
type AppliedEvent struct {
	AcceptedAt time.Time `json:"acceptedAt"`
	AppliedAt  time.Time `json:"appliedAt"`
}

// Offload's event kinds (Offload, "Webhook events").
const (
	KindCaseCompleted   = "case.completed"
	KindCaseFailed      = "case.failed"
	KindCaseInputNeeded = "case.input_needed"
)

// Artmail's event kinds (Artmail, "Webhook events reference").
const (
	KindAgentActivated   = "agent.activated"
	KindApprovalResponse = "approval_response"
	KindAgentPaused      = "agent.paused"
	KindAgentResumed     = "agent.resumed"
	KindAgentDeactivated = "agent.deactivated"
	KindRunForceFailed   = "run_force_failed"
	KindTestPing         = "test.ping"
)

// TestActivationID is the activationId of all test deliveries of Artmail; it never becomes an activation.
const TestActivationID = "test"

// ReplyTo names a workflow in the same namespace that gets notices by a signal. Delivery is at least once, so the workflow must drop a
// notice whose ID it has seen. Both fields are printable ASCII, at most MaxWorkflowIDBytes and MaxSignalNameBytes long.
type ReplyTo struct {
	WorkflowID string `json:"workflowId"`
	Signal     string `json:"signal"`
}
