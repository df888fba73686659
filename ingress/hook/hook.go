// Package hook holds the differences between webhook providers in one type, Provider. Each provider has a subpackage with one value of it.
// They are plain functions over bytes: no HTTP, no storage, no clock, and no rule of a workflow.
//
// A body is refused with ErrUnparseable only if a field that identifies the event can't be used: its kind, or the ID of its activation, or of
// its case where the URL does not name the case. Any other unreadable field counts as absent, and a text that is too long is cut;
// Envelope.Lost names each such field. So the end of a case is not lost because attemptCount came as text. Package wire defines what can be
// read, the contract what can be kept.
package hook

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// Provider is how one provider's webhooks are verified and read. E is the event that its workflow gets.
type Provider[E any] struct {
	// Name names the provider in deliveries, metrics and logs.
	Name string
	// Verify checks the signatures or secrets that a sender gave: it tries each of them with each of our secrets, over the raw body. Every
	// failure is ErrUnverified and costs the same work.
	Verify func(body []byte, given []string, secrets Secrets) error
	// Peek reads the fields that are needed to store a body. It fails with ErrUnparseable, and then returns the fields it could read.
	Peek func(body []byte) (Envelope, error)
	// Parse reads the event for a workflow. It sets the kind and time of meta from the body and keeps its other fields. It fails with
	// ErrUnparseable, also for a body that Peek marks as Ignored.
	Parse func(body []byte, meta workflows.EventMeta) (Parsed[E], error)
	// Fit removes parts until the event has at most limit bytes of JSON, and returns the event and the JSON. It fails with ErrUnparseable
	// if the parts that must stay are larger.
	Fit func(event E, limit int) (E, json.RawMessage, error)
}

// KindUnknown stands for all kinds that a provider does not document. The inbox keeps a list of the kinds, and a sender must not make it grow.
const KindUnknown = "unknown"

// Envelope holds the fields of a body that are read before it is stored.
type Envelope struct {
	// Kind is a documented kind or KindUnknown. Then Ignored has the text.
	Kind string
	// Ignored is why no workflow is signalled; empty if one is.
	Ignored string
	// DedupeKey is the same each time the same event comes, and unique within a workflow. It is empty if the body has none.
	DedupeKey string
	// KeyByBody asks for a dedupe key made of the kind and a fingerprint of the body, since the body has none: the same bytes are one event.
	KeyByBody bool
	// EntityID is the provider's ID of the case or activation; empty if a webhook on a case's own URL has none.
	EntityID string
	// ClientReferenceID is the business app's own ID of a case, as Offload repeats it.
	ClientReferenceID string
	// OccurredAt is the provider's time, in UTC and to the millisecond; zero if the body has none.
	OccurredAt time.Time
	// Lost names fields that could not be read or kept whole, such as data.attachments[1], in a bounded number.
	Lost []string
}

// Parsed is a body with all its fields read.
type Parsed[E any] struct {
	Envelope
	Event E
	// APIKey is in clear text; empty if the event has none. Seal it before any other step.
	APIKey string
}

// ErrUnparseable says that a body is not an event of its provider. A retry would bring the same bytes.
var ErrUnparseable = errors.New("body is not an event")

// Missing returns the error for an identifying field that is absent or unreadable.
func Missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrUnparseable, field) }

// CheckID returns ErrUnparseable for an ID with more than most bytes, a control character or invalid UTF-8: IDs go into indexes, workflow
// states and terminals.
func CheckID(field, value string, most int) error {
	if len(value) > most {
		return fmt.Errorf("%w: %s has %d bytes, more than %d", ErrUnparseable, field, len(value), most)
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return fmt.Errorf("%w: %s has a control character or invalid UTF-8", ErrUnparseable, field)
		}
	}
	return nil
}

// RequireID returns ErrUnparseable for an ID that is blank or that CheckID refuses.
func RequireID(field, value string, most int) error {
	if strings.TrimSpace(value) == "" {
		return Missing(field)
	}
	return CheckID(field, value, most)
}

// DropUnusable empties an ID that CheckID refuses and names it as lost. It is for IDs that do not identify the event.
func (e *Envelope) DropUnusable(field string, value *string, most int) {
	if CheckID(field, *value, most) != nil {
		*value = ""
		e.Lose(field)
	}
}

// ClipText shortens a text with more than most bytes of JSON and names it as lost.
func (e *Envelope) ClipText(field string, value *string, most int) {
	if workflows.JSONLen(*value) > most {
		*value = workflows.Clip(*value, most)
		e.Lose(field)
	}
}

// DropUnusableTime empties a time outside workflows.MinTime and workflows.MaxTime and names it as lost.
func (e *Envelope) DropUnusableTime(field string, value *time.Time) {
	if !value.IsZero() && !workflows.SaneTime(*value) {
		*value = time.Time{}
		e.Lose(field)
	}
}

// Lose adds a field to Lost, up to wire.MaxLost fields.
func (e *Envelope) Lose(field string) {
	if len(e.Lost) < wire.MaxLost {
		e.Lost = append(e.Lost, field)
	}
}

// IsGzip reports by the first bytes whether a body is gzip; JSON can't begin with them. Headers are no proof, since a proxy may change them.
func IsGzip(body []byte) bool { return len(body) > 1 && body[0] == 0x1f && body[1] == 0x8b }

// Inflate returns a gzipped body decompressed. It fails for a body with more than most bytes.
func Inflate(body []byte, most int64) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, most+1))
	if err == nil && int64(len(plain)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return plain, err
}

// BodyContext returns the context to seal and open a body in the inbox: a body opens only for the same delivery in the same lane.
func BodyContext(provider, lane, deliveryID string) []string {
	return []string{"delivery", provider, lane, deliveryID}
}
