package offload

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// Limits in bytes of the kind and of IDs. Offload documents none; in practice caseIds and input request IDs are UUIDs, and an event_id is a
// caseId with a kind and a time.
const (
	maxKind              = 100
	maxID                = workflows.MaxIDBytes
	maxEventID           = 500
	maxClientReferenceID = workflows.MaxClientReferenceIDBytes
)

// head holds the fields of a body beside data.
type head struct {
	EventID   string    `json:"event_id"`
	EventType string    `json:"event_type"`
	Timestamp time.Time `json:"timestamp"`
}

// identity is the part of data that identifies an event.
type identity struct {
	CaseID            string `json:"caseId"`
	ClientReferenceID string `json:"clientReferenceId"`
	Status            string `json:"status"`
	InputRequestID    string `json:"inputRequestId"`
}

// Peek implements hook.Provider. The envelope has no EntityID where the body has no usable caseId: the case's own URL names the case.
func Peek(body []byte) (hook.Envelope, error) {
	var b struct {
		head
		Data identity `json:"data"`
	}
	lost, err := wire.Read(body, &b)
	if err != nil {
		return hook.Envelope{}, fmt.Errorf("%w: %w", hook.ErrUnparseable, err)
	}
	return b.envelope(&b.Data, lost)
}

// PeekShared is Peek for the shared route, where the caseId alone names the case.
func PeekShared(body []byte) (hook.Envelope, error) {
	e, err := Peek(body)
	if err == nil && e.Ignored == "" {
		err = RequireCase(e)
	}
	return e, err
}

// RequireCase returns hook.ErrUnparseable for an event without a usable caseId.
func RequireCase(e hook.Envelope) error {
	if e.EntityID == "" {
		return hook.Missing("data.caseId")
	}
	return nil
}

// envelope returns the Envelope, and empties unusable fields of id. An event that can't be read keeps its usable caseId, so that it can be
// replayed with a version that can read it.
func (h head) envelope(id *identity, lost []string) (hook.Envelope, error) {
	e := hook.Envelope{Lost: lost}
	if id.CaseID != "" && hook.RequireID("data.caseId", id.CaseID, maxID) != nil {
		id.CaseID = ""
		e.Lose("data.caseId")
	}
	e.EntityID = id.CaseID
	if err := hook.CheckID("event_type", h.EventType, maxKind); err != nil {
		return e, err
	}
	if h.EventType == "" {
		return e, hook.Missing("event_type")
	}
	e.Kind, e.OccurredAt = h.EventType, h.Timestamp
	e.DropUnusableTime("timestamp", &e.OccurredAt)
	e.DropUnusable("event_id", &h.EventID, maxEventID)
	if updated := updatedAt(h.EventID, h.EventType); !updated.IsZero() && (e.OccurredAt.IsZero() || e.OccurredAt.After(updated)) {
		e.OccurredAt = updated
	}
	e.DropUnusable("data.clientReferenceId", &id.ClientReferenceID, maxClientReferenceID)
	e.DropUnusable("data.status", &id.Status, maxKind)
	e.DropUnusable("data.inputRequestId", &id.InputRequestID, maxID)
	e.ClientReferenceID = id.ClientReferenceID
	if id.Status == "" {
		id.Status = statusOf(e.Kind)
	}
	e.DedupeKey = dedupeKey(h, id)
	if !known(e.Kind) {
		e.Kind, e.Ignored = hook.KindUnknown, fmt.Sprintf("unknown kind %q", h.EventType)
	}
	return e, nil
}

// updatedAt returns the case's updatedAt: the milliseconds after the kind at the end of an event_id (Offload, "Webhooks"); zero if there are none.
// GET shows the same time, so webhooks and reads can be ordered. Offload does not document that the field timestamp is this time, and a webhook may
// be sent late.
func updatedAt(eventID, kind string) time.Time {
	_, millis, found := strings.Cut(eventID, "_"+strings.ReplaceAll(kind, ".", "_")+"_")
	if !found || len(millis) != 13 || strings.Trim(millis, "0123456789") != "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(millis, 10, 64)
	if at := time.UnixMilli(n).UTC(); err == nil && workflows.SaneTime(at) {
		return at
	}
	return time.Time{}
}

func known(kind string) bool { return statusOf(kind) != "" }

// statusOf returns the status that a kind announces; empty for an unknown kind.
func statusOf(kind string) string {
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

// dedupeKey returns the kind with the event_id, so that an end whose event_id is also that of a question is not taken for its repetition.
// Without event_id, it identifies the event by its case: a case has one end of each kind and asks each question once. A question without an ID
// has no key then, since it looks like its repetition. The character after the kind keeps the two forms apart.
func dedupeKey(h head, id *identity) string {
	switch kind := h.EventType; {
	case h.EventID != "":
		return kind + "/" + h.EventID
	case kind == workflows.KindCaseCompleted, kind == workflows.KindCaseFailed:
		return kind + ":" + id.CaseID + "/" + id.Status
	case kind == workflows.KindCaseInputNeeded && id.InputRequestID != "":
		return kind + ":" + id.CaseID + "/" + id.InputRequestID
	}
	return ""
}
