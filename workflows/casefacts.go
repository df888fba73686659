package workflows

import (
	"encoding/json"
	"slices"
	"strings"
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

// CaseFacts is what Offload reports of a case. Webhooks and GET /cases/{id} use the same shape. A zero field was not reported.
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
	// Result is the JSON that the provider sent: an object by its documentation, but any value is passed on.
	Result json.RawMessage `json:"result,omitempty"`
	// Omitted names the fields, sorted, that were too large to keep, could not be read, or were left out of a webhook that should have them: here
	// they are missing, cut or incomplete.
	Omitted []string `json:"omitted,omitempty"`

	// Only webhooks have these fields.
	FailureReason *string         `json:"failureReason,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`

	// Only GET has these fields.
	MaxAttempts int       `json:"maxAttempts,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"`
	UpdatedAt   time.Time `json:"updatedAt,omitzero"`
	// NextActionAt is zero if nothing is scheduled (Offload then sends the year 9999).
	NextActionAt time.Time `json:"nextActionAt,omitzero"`
}

// Names of fields in CaseFacts.Omitted and CaseOutcome.Unknown.
const (
	FieldResult            = "result"
	FieldMetadata          = "metadata"
	FieldAttachments       = "attachments"
	FieldQuestion          = "question"
	FieldFailureReason     = "failureReason"
	FieldClientReferenceID = "clientReferenceId"
)

// Omits reports whether the field is missing, cut or incomplete here, although Offload has it.
func (f CaseFacts) Omits(field string) bool { return slices.Contains(f.Omitted, field) }

// Omitting returns the facts with the field added to Omitted. It changes no array that f points to.
func (f CaseFacts) Omitting(field string) CaseFacts {
	if at, found := slices.BinarySearch(f.Omitted, field); !found {
		f.Omitted = slices.Insert(slices.Clone(f.Omitted), at, field)
	}
	return f
}

// OmittingLost returns the facts with Omitted naming each field that could not be read, or not whole. lost has names of Offload's fields as
// wire.Read returns them, such as data.result or attachments[1].attachmentId; names without a counterpart in Omitted change nothing. A
// question counts only while Offload waits for its answer.
func (f CaseFacts) OmittingLost(lost []string) CaseFacts {
	for _, name := range lost {
		name = strings.TrimPrefix(name, "data.")
		field, part := name, ""
		if end := strings.IndexAny(name, ".["); end >= 0 {
			field, part = name[:end], name[end:]
		}
		switch field {
		case "data":
			for _, inside := range []string{FieldAttachments, FieldClientReferenceID, FieldFailureReason, FieldMetadata, FieldResult} {
				f = f.Omitting(inside)
			}
		case FieldAttachments:
			// A file that lacks another field than its ID can be fetched.
			if !strings.Contains(part, ".") || strings.HasSuffix(part, ".attachmentId") {
				f = f.Omitting(field)
			}
		case FieldClientReferenceID, FieldFailureReason, FieldMetadata, FieldResult:
			f = f.Omitting(field)
		case "inputRequest", "inputRequestId":
			if f.Status == OffloadInputNeeded {
				f = f.Omitting(FieldQuestion)
			}
		}
	}
	return f
}

// CaseTranscript is the conversation of a case, read from Offload on request. It is never stored.
type CaseTranscript struct {
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// Text is plain text, at most 16 MiB; the counterparty wrote parts of it. It is empty while Offload has no thread, for example before
	// its first message.
	Text   string    `json:"text"`
	ReadAt time.Time `json:"readAt"`
}

// Attachment describes a file that the counterparty sent. It has no download URL: that is temporary and never kept.
type Attachment struct {
	ID         string    `json:"attachmentId"`
	Name       string    `json:"name"`
	Size       int64     `json:"size"`
	Type       string    `json:"type"`
	MessageID  string    `json:"messageId,omitempty"`
	InboxID    string    `json:"inboxId,omitempty"`
	ReceivedAt time.Time `json:"receivedAt,omitzero"`
}

// CaseEvent is a webhook of Offload in the signal "offload-events".
type CaseEvent struct {
	EventMeta
	Facts CaseFacts `json:"facts"`
	// Unproven is true for an event of the shared route: its sender knew a shared secret, but not the token of this case.
	Unproven bool `json:"unproven,omitempty"`
}

// CaseSnapshot is the response to GET /cases/{id}.
type CaseSnapshot struct {
	Facts  CaseFacts `json:"facts"`
	ReadAt time.Time `json:"readAt"`
	// TraceParent is the W3C traceparent of the read; empty without traces. It enters no state.
	TraceParent string `json:"traceParent,omitempty"`
}
