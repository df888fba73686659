package workflows

import (
	"encoding/json"
	"math"
	"slices"
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
	// Omitted names the fields, sorted, that the provider said and that were too large to be kept: they are missing or cut short here.
	Omitted []string `json:"omitted,omitempty"`

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

// Names of fields in CaseFacts.Omitted and CaseOutcome.Unknown.
const (
	FieldResult            = "result"
	FieldMetadata          = "metadata"
	FieldAttachments       = "attachments"
	FieldQuestion          = "question"
	FieldFailureReason     = "failureReason"
	FieldClientReferenceID = "clientReferenceId"
)

// Omits says whether the field was said and is missing or cut short.
func (f CaseFacts) Omits(field string) bool { return slices.Contains(f.Omitted, field) }

// Omitting is the facts with the field named in Omitted. It changes no array that f points to.
func (f CaseFacts) Omitting(field string) CaseFacts {
	if at, found := slices.BinarySearch(f.Omitted, field); !found {
		f.Omitted = slices.Insert(slices.Clone(f.Omitted), at, field)
	}
	return f
}

// Bounded is the facts within the limits of the contract: MaxJSONBytes for Result and Metadata, MaxTextBytes for the question and the failure
// reason, MaxAttachments and MaxAttachmentsBytes for the attachments, of which the first stay. What is missing or cut short then is named in
// Omitted. It changes nothing that f points to.
func (f CaseFacts) Bounded() CaseFacts {
	f.Omitted = knownFields(f.Omitted)
	f.Status, f.Channel, f.ResultStatus = short(f.Status), short(f.Channel), short(f.ResultStatus)
	if tooLong(f.CaseID, MaxIDBytes) {
		f.CaseID = ""
	}
	if tooLong(f.ClientReferenceID, MaxClientReferenceIDBytes) {
		f.ClientReferenceID = ""
		f = f.Omitting(FieldClientReferenceID)
	}
	if encodedLen(f.Result) > MaxJSONBytes {
		f.Result = nil
		f = f.Omitting(FieldResult)
	}
	if encodedLen(f.Metadata) > MaxJSONBytes {
		f.Metadata = nil
		f = f.Omitting(FieldMetadata)
	}
	if r := f.FailureReason; r != nil && JSONLen(*r) > MaxTextBytes {
		cut := Clip(*r, MaxTextBytes)
		f.FailureReason = &cut
		f = f.Omitting(FieldFailureReason)
	}
	return f.withQuestionBounded().withAttachmentsBounded()
}

func (f CaseFacts) withQuestionBounded() CaseFacts {
	if f.Question == nil {
		return f
	}
	q := *f.Question
	q.Status = short(q.Status)
	switch {
	case ValidateID(q.ID) != nil:
		// Without its ID a question can't be answered.
		f.Question = nil
		return f.Omitting(FieldQuestion)
	case JSONLen(q.Text) > MaxTextBytes:
		q.Text = Clip(q.Text, MaxTextBytes)
		f = f.Omitting(FieldQuestion)
	}
	f.Question = &q
	return f
}

func (f CaseFacts) withAttachmentsBounded() CaseFacts {
	var kept []Attachment
	size := 0
	for _, a := range f.Attachments {
		if a.ID == "" { // a file can't be fetched without it
			continue
		}
		n := encodedLen(a)
		if ValidateID(a.ID) != nil || n > maxAttachmentBytes || size+n > MaxAttachmentsBytes || len(kept) == MaxAttachments {
			f = f.Omitting(FieldAttachments)
			continue
		}
		size += n
		kept = append(kept, a)
	}
	f.Attachments = kept
	return f
}

// knownFields are the names in the list that Omitted may have, sorted and each once.
func knownFields(names []string) []string {
	var known []string
	for _, field := range []string{FieldAttachments, FieldClientReferenceID, FieldFailureReason, FieldMetadata, FieldQuestion, FieldResult} {
		if slices.Contains(names, field) {
			known = append(known, field)
		}
	}
	return known
}

// maxAttachmentBytes, of JSON, is far above what a file's name, type and IDs have.
const maxAttachmentBytes = 4 << 10

func tooLong(id string, most int) bool { return len(id) > most || JSONLen(id) > 6*most }

func short(text string) string { return Clip(text, MaxShortTextBytes) }

// encodedLen is the number of bytes of JSON that a value takes on the wire; for a RawMessage too, whose "<" is escaped there. The values have
// no maps, so the encoder always writes the same.
//
//workflowcheck:ignore
func encodedLen(v any) int {
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		return 0
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt // it can't be kept
	}
	return len(encoded)
}

// CaseTranscript is the conversation of a case, as Offload told it when it was asked. It is never stored.
type CaseTranscript struct {
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// Text is plain text that the counterparty wrote parts of, at most 16 MiB; empty while Offload tracks no thread, as before its first
	// message.
	Text   string    `json:"text"`
	ReadAt time.Time `json:"readAt"`
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
	// TraceParent is the W3C traceparent of the read; empty without traces. It enters no state.
	TraceParent string `json:"traceParent,omitempty"`
}
