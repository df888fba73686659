package artmail

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// Limits in bytes of the kind and of IDs; Artmail documents none.
const (
	maxKind = 100
	maxID   = workflows.MaxIDBytes
)

// head holds the names that the field with the kind may have, always at the top.
type head struct {
	Type       string `json:"type"`
	Event      string `json:"event"`
	EventType  string `json:"eventType"`
	EventType2 string `json:"event_type"`
}

// identity is the part of a body that identifies an event.
type identity struct {
	ActivationID string    `json:"activationId"`
	Timestamp    time.Time `json:"timestamp"`
	MessageID    string    `json:"messageId"`
	RunID        string    `json:"runId"`
}

// Peek implements hook.Provider.
func Peek(body []byte) (hook.Envelope, error) {
	var b struct {
		head
		identity
		Data identity `json:"data"`
	}
	lost, err := wire.Read(body, &b)
	if err != nil {
		return hook.Envelope{}, fmt.Errorf("%w: %w", hook.ErrUnparseable, err)
	}
	b.fillFrom(b.Data)
	return b.envelope(&b.identity, lost)
}

// LooksLikeActivation reports whether an unverified body may contain an API key. When in doubt, it returns true.
func LooksLikeActivation(body []byte) bool {
	return bytes.Contains(body, []byte(workflows.KindAgentActivated)) || bytes.Contains(body, []byte(`"apiKey"`)) || hook.IsGzip(body)
}

func (id *identity) fillFrom(data identity) {
	id.ActivationID = cmp.Or(id.ActivationID, data.ActivationID)
	id.MessageID = cmp.Or(id.MessageID, data.MessageID)
	id.RunID = cmp.Or(id.RunID, data.RunID)
	if id.Timestamp.IsZero() {
		id.Timestamp = data.Timestamp
	}
}

// envelope returns the Envelope, and empties unusable fields of id that do not identify the event. An event that can't be read keeps its
// usable activationId, so that it can be replayed with a version that can read it.
func (h head) envelope(id *identity, lost []string) (hook.Envelope, error) {
	e := hook.Envelope{Lost: lost}
	badID := workflows.ValidateActivationID(id.ActivationID)
	if badID == nil {
		e.EntityID = id.ActivationID
	}
	kind := h.kind()
	if err := hook.CheckID("kind", kind, maxKind); err != nil {
		return e, err
	}
	if kind == "" {
		return e, hook.Missing("kind (type, event, eventType or event_type)")
	}
	e.Kind = kind
	e.DropUnusableTime("timestamp", &id.Timestamp)
	e.OccurredAt = id.Timestamp
	if !known(kind) || kind == workflows.KindTestPing || id.ActivationID == workflows.TestActivationID {
		e.Ignored = "a test"
		if !known(kind) {
			e.Kind, e.Ignored = hook.KindUnknown, fmt.Sprintf("unknown kind %q", kind)
		}
		e.DropUnusable("activationId", &id.ActivationID, maxID)
		e.EntityID = id.ActivationID
		return e, nil
	}
	if badID != nil {
		return e, fmt.Errorf("%w: %w", hook.ErrUnparseable, badID)
	}
	err := setKey(&e, id)
	return e, err
}

// kind returns the kind. If several of the names have a value, a documented kind wins.
func (h head) kind() string {
	names := []string{h.Type, h.Event, h.EventType, h.EventType2}
	for _, kind := range names {
		if known(kind) {
			return kind
		}
	}
	return cmp.Or(names...)
}

func known(kind string) bool {
	switch kind {
	case workflows.KindAgentActivated, workflows.KindApprovalResponse, workflows.KindAgentPaused, workflows.KindAgentResumed,
		workflows.KindAgentDeactivated, workflows.KindRunForceFailed, workflows.KindTestPing:
		return true
	}
	return false
}

// setKey sets the dedupe key: the kind, and the idempotency key that Artmail documents. The kind is needed because agent.activated and
// agent.deactivated have the same idempotency key, the activationId.
func setKey(e *hook.Envelope, id *identity) error {
	var own string
	switch e.Kind {
	case workflows.KindAgentActivated, workflows.KindAgentDeactivated:
		own = id.ActivationID
	case workflows.KindAgentPaused, workflows.KindAgentResumed:
		if id.Timestamp.IsZero() {
			e.KeyByBody = true
			return nil
		}
		own = id.ActivationID + "/" + strconv.FormatInt(id.Timestamp.UnixMilli(), 10)
	case workflows.KindApprovalResponse:
		e.DropUnusable("runId", &id.RunID, maxID)
		if err := hook.RequireID("messageId", id.MessageID, maxID); err != nil {
			return err
		}
		own = id.MessageID
	case workflows.KindRunForceFailed:
		if err := hook.RequireID("runId", id.RunID, maxID); err != nil {
			return err
		}
		own = id.RunID
	}
	e.DedupeKey = e.Kind + "/" + own
	return nil
}
