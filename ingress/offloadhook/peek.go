package offloadhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ErrUnparseable says that a body is not an event of Offload. A retry would bring the same bytes.
var ErrUnparseable = errors.New("not an Offload event")

// Limits in bytes of what identifies an event. Offload documents none: its caseIds and input request IDs are UUIDs, and an
// event_id is a caseId with a kind and a time.
const (
	maxKind              = 100
	maxID                = 250
	maxEventID           = 500
	maxClientReferenceID = 1000
)

// Envelope is what the ingress needs to know of a body before it is stored.
type Envelope struct {
	Kind string
	// Known says whether the kind is one that Offload documents.
	Known bool
	// DedupeKey is the same whenever the same event comes again, and unique within a case. Empty: nothing tells a repetition
	// from another event.
	DedupeKey         string
	CaseID            string
	ClientReferenceID string
	// OccurredAt is the envelope's timestamp; zero where there is none.
	OccurredAt time.Time
}

// Peek reads just enough of a body to store it. It fails with ErrUnparseable, and returns what it could read even then.
func Peek(body []byte) (Envelope, error) {
	var b struct {
		head
		Data *identity `json:"data"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrUnparseable, err)
	}
	return b.envelope(b.Data)
}

// head is the envelope without its data.
type head struct {
	EventID   text   `json:"event_id"`
	EventType text   `json:"event_type"`
	Timestamp millis `json:"timestamp"`
}

// identity is the part of data that tells one event from another.
type identity struct {
	CaseID            text `json:"caseId"`
	ClientReferenceID text `json:"clientReferenceId"`
	Status            text `json:"status"`
	InputRequestID    text `json:"inputRequestId"`
}

func (h head) envelope(id *identity) (Envelope, error) {
	if err := usable("event_type", string(h.EventType), maxKind); err != nil {
		return Envelope{}, err
	}
	if h.EventType == "" {
		return Envelope{}, fmt.Errorf("%w: event_type is missing", ErrUnparseable)
	}
	e := Envelope{Kind: string(h.EventType), Known: known(string(h.EventType)), OccurredAt: h.Timestamp.time()}
	if id == nil {
		id = &identity{}
	}
	for _, field := range []struct {
		name  string
		value text
		most  int
	}{
		{"event_id", h.EventID, maxEventID},
		{"data.caseId", id.CaseID, maxID},
		{"data.status", id.Status, maxKind},
		{"data.inputRequestId", id.InputRequestID, maxID},
		{"data.clientReferenceId", id.ClientReferenceID, maxClientReferenceID},
	} {
		if err := usable(field.name, string(field.value), field.most); err != nil {
			return e, err
		}
	}
	if e.Known && id.CaseID == "" {
		return e, fmt.Errorf("%w: data.caseId is missing", ErrUnparseable)
	}
	e.CaseID, e.ClientReferenceID = string(id.CaseID), string(id.ClientReferenceID)
	e.DedupeKey = h.dedupeKey(id)
	return e, nil
}

// dedupeKey is Offload's own event_id. Without one, a case has one end of each kind, and asks each question once; what else there
// may be is not told apart from its repetition.
func (h head) dedupeKey(id *identity) string {
	if h.EventID != "" {
		return string(h.EventID)
	}
	switch string(h.EventType) {
	case workflows.KindCaseCompleted, workflows.KindCaseFailed:
		return string(h.EventType) + "/" + string(id.CaseID) + "/" + id.status(string(h.EventType))
	case workflows.KindCaseInputNeeded:
		if id.InputRequestID != "" {
			return string(h.EventType) + "/" + string(id.CaseID) + "/" + string(id.InputRequestID)
		}
	}
	return ""
}

// status is Offload's, or the one that the kind stands for where it is not said.
func (id *identity) status(kind string) string {
	if id.Status != "" {
		return string(id.Status)
	}
	switch kind {
	case workflows.KindCaseCompleted:
		return workflows.OffloadCompleted
	case workflows.KindCaseFailed:
		return workflows.OffloadFailed
	case workflows.KindCaseInputNeeded:
		return workflows.OffloadInputNeeded
	}
	return ""
}

func known(kind string) bool {
	switch kind {
	case workflows.KindCaseCompleted, workflows.KindCaseFailed, workflows.KindCaseInputNeeded:
		return true
	}
	return false
}

// usable refuses what can be no ID: it would end up in an index, a workflow's state and a person's terminal.
func usable(field, value string, most int) error {
	if len(value) > most {
		return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrUnparseable, field, len(value), most)
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return fmt.Errorf("%w: %s has a character that no ID has", ErrUnparseable, field)
		}
	}
	return nil
}
