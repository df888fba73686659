package workflows

import "time"

// EventMeta is what every event in a signal carries, whatever its provider.
type EventMeta struct {
	// DeliveryID is the inbox's ID of the delivery, by which a person finds it again.
	DeliveryID string `json:"deliveryId"`
	// DedupeKey is unique within provider, account or agent, and workflow.
	DedupeKey string `json:"dedupeKey"`
	Kind      string `json:"kind"`
	// OccurredAt is the provider's time; zero where the provider gave none.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
	// ReceivedAt is when the ingress had stored it.
	ReceivedAt time.Time `json:"receivedAt"`
}

// AppliedEvent says when a webhook was accepted and when its workflow had applied it. The ingress and Temporal have different clocks.
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

// TestActivationID is the activationId of every test delivery of Artmail; no activation may be made of it.
const TestActivationID = "test"

// ReplyTo names the workflow, in the same namespace, that gets notices by a signal. It drops a notice whose ID it has seen: they are delivered
// at least once. Both fields are printable ASCII, at most MaxWorkflowIDBytes and MaxSignalNameBytes long.
type ReplyTo struct {
	WorkflowID string `json:"workflowId"`
	Signal     string `json:"signal"`
}
