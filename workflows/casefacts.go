package workflows

import (
	"encoding/json"
	"time"
)

// Offload's own statuses (Offload, "Case lifecycle").
const (
	OffloadCreated     = "CREATED"
	OffloadRunning     = "RUNNING"
	OffloadInputNeeded = "INPUT_NEEDED"
	OffloadCompleted   = "COMPLETED"
	OffloadFailed      = "FAILED"
)

// CaseFacts is what Offload says of a case, in one shape whether a webhook or GET /cases/{id} said it. A zero field was not said.
type CaseFacts struct {
	CaseID            string `json:"caseId,omitempty"`
	ClientReferenceID string `json:"clientReferenceId,omitempty"`
	Status            string `json:"status,omitempty"`
	Channel           string `json:"channel,omitempty"`
	// AttemptCount is the number of messages sent so far.
	AttemptCount int          `json:"attemptCount,omitempty"`
	ResultStatus string       `json:"resultStatus,omitempty"`
	Attachments  []Attachment `json:"attachments,omitempty"`
	Question     *Question    `json:"question,omitempty"`
	// Result is a JSON object as the provider sent it.
	Result json.RawMessage `json:"result,omitempty"`
	// ResultOmitted says that Result was too large for a signal or a history and has to be read from the provider.
	ResultOmitted bool `json:"resultOmitted,omitempty"`

	// Only webhooks say these.
	FailureReason *string         `json:"failureReason,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`

	// Only GET says these.
	MaxAttempts int       `json:"maxAttempts,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"`
	UpdatedAt   time.Time `json:"updatedAt,omitzero"`
	// NextActionAt is zero when nothing is scheduled (Offload sends the year 9999 then).
	NextActionAt time.Time `json:"nextActionAt,omitzero"`
}

// Attachment is a file that the counterparty sent: what Offload says of it. Its download URL is temporary and never kept.
type Attachment struct {
	ID         string    `json:"attachmentId"`
	Name       string    `json:"name"`
	Size       int64     `json:"size"`
	Type       string    `json:"type"`
	MessageID  string    `json:"messageId,omitempty"`
	InboxID    string    `json:"inboxId,omitempty"`
	ReceivedAt time.Time `json:"receivedAt,omitzero"`
}

// CaseEvent is a webhook of Offload as it travels in the signal "offload-events".
type CaseEvent struct {
	EventMeta
	Facts CaseFacts `json:"facts"`
	// Unproven is true for an event of the shared route, whose sender knew a secret but not this case's own token.
	Unproven bool `json:"unproven,omitempty"`
}

// CaseSnapshot is what GET /cases/{id} answered.
type CaseSnapshot struct {
	Facts  CaseFacts `json:"facts"`
	ReadAt time.Time `json:"readAt"`
}
