// Package hook says what differs between the providers whose webhooks are taken, in one type: Provider. Each provider has a
// subpackage with one value of it. All of it is plain functions over bytes: no HTTP, no storage, no clock, and no rule of a workflow.
//
// What identifies an event (its kind and the ID of what it is about) must be usable, or the body is refused with ErrUnparseable. Any
// other field that can't be read counts as absent, a text that is too long is cut, and each is named in Envelope.Lost: the end of a case must
// not be lost because attemptCount came as text. Package wire says what can be read, the contract what can be kept.
package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// Provider is one provider's row in the table. E is what its workflow is signalled.
type Provider[E any] struct {
	// Name names the provider in deliveries, metrics and logs.
	Name string
	// Verify checks what a sender gave to prove itself against the raw body: each of the given values is tried with each secret.
	// Every failure is ErrUnverified and costs the same work.
	Verify func(body []byte, given []string, secrets Secrets) error
	// Peek reads what is needed to store a body. It fails with ErrUnparseable, and returns what it could read even then.
	Peek func(body []byte) (Envelope, error)
	// Parse reads the event that a workflow is signalled. The meta's kind and time come from the body; the rest is taken as given.
	// It fails with ErrUnparseable, also for what Peek calls Ignored.
	Parse func(body []byte, meta workflows.EventMeta) (Parsed[E], error)
	// Fit leaves parts out until the event has at most limit bytes of JSON, which it returns beside the event. It fails with
	// ErrUnparseable where what must stay is larger.
	Fit func(event E, limit int) (E, json.RawMessage, error)
}

// Envelope is what is known of a body before it is stored.
type Envelope struct {
	Kind string
	// Ignored says why no workflow is signalled. It is empty where one is.
	Ignored string
	// DedupeKey is the same whenever the same event comes again, and unique within a workflow. It is empty where the body has none.
	DedupeKey string
	// KeyByBody asks for a key made from the kind and a fingerprint of the body, since the body has no key: the same bytes are one event.
	KeyByBody bool
	// EntityID is the provider's ID of the case or activation.
	EntityID string
	// ClientReferenceID is the business app's own ID of a case, as Offload repeats it.
	ClientReferenceID string
	// OccurredAt is the provider's time, in UTC and to the millisecond; zero where the body has none.
	OccurredAt time.Time
	// Lost names fields that could not be read or kept whole, such as data.attachments[1], in a bounded number.
	Lost []string
}

// Parsed is a body that was read whole.
type Parsed[E any] struct {
	Envelope
	Event E
	// APIKey is in clear, and only where the event brings one. Seal it before anything else.
	APIKey string
}

// ErrUnparseable says that a body is not an event of its provider. A retry would bring the same bytes.
var ErrUnparseable = errors.New("body is no event")

// Missing is the error for an identifying field that the body lacks or that can't be read.
func Missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrUnparseable, field) }

// CheckID returns ErrUnparseable for an ID with more than most bytes, a control character or invalid UTF-8: it would get into an
// index, a workflow's state and a person's terminal.
func CheckID(field, value string, most int) error {
	if len(value) > most {
		return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrUnparseable, field, len(value), most)
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return fmt.Errorf("%w: %s has a character that an ID must not have", ErrUnparseable, field)
		}
	}
	return nil
}

// DropUnusable empties an ID that CheckID refuses, and names it as lost. It is for IDs that identify nothing.
func (e *Envelope) DropUnusable(field string, value *string, most int) {
	if CheckID(field, *value, most) != nil {
		*value = ""
		e.Lose(field)
	}
}

// ClipText shortens a text beyond most bytes of JSON, and names it as lost.
func (e *Envelope) ClipText(field string, value *string, most int) {
	if workflows.JSONLen(*value) > most {
		*value = workflows.Clip(*value, most)
		e.Lose(field)
	}
}

// DropUnusableTime empties a time that is not between workflows.MinTime and workflows.MaxTime, and names it as lost.
func (e *Envelope) DropUnusableTime(field string, value *time.Time) {
	if !value.IsZero() && !workflows.SaneTime(*value) {
		*value = time.Time{}
		e.Lose(field)
	}
}

// Lose names a field as lost.
func (e *Envelope) Lose(field string) {
	if len(e.Lost) < wire.MaxLost {
		e.Lost = append(e.Lost, field)
	}
}

// IsGzip says by its first bytes whether a body is compressed by gzip: a proxy may have changed the body or its headers. No JSON begins so.
func IsGzip(body []byte) bool { return len(body) > 1 && body[0] == 0x1f && body[1] == 0x8b }

// BodyContext is what a sealed body in the inbox is bound to: it opens only for its own delivery, in its own lane.
func BodyContext(provider, lane, deliveryID string) []string {
	return []string{"delivery", provider, lane, deliveryID}
}
