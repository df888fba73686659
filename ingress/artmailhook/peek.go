package artmailhook

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ErrUnparseable says that a body is not an event of Artmail. A retry would bring the same bytes.
var ErrUnparseable = errors.New("not an Artmail event")

// Limits in bytes of what identifies an event; Artmail documents none.
const (
	maxKind = 100
	maxID   = 500
)

// Envelope is what the ingress needs to know of a body before it is stored.
type Envelope struct {
	Kind string
	// Ignored is true for what no workflow is told: an unknown kind, test.ping, and whatever else comes for the activation "test".
	Ignored bool
	// DedupeKey is the same whenever the same event comes again, and unique within an activation. Empty: nothing tells a
	// repetition from another event, as with test.ping.
	DedupeKey    string
	ActivationID string
	// OccurredAt is the provider's time, to the millisecond; zero where there is none.
	OccurredAt time.Time
}

// Peek reads what is needed to store a body. It fails with ErrUnparseable, and returns what it could read even then.
func Peek(body []byte) (Envelope, error) {
	f, err := readFields(body)
	if err != nil {
		return Envelope{}, err
	}
	return f.envelope()
}

// LooksLikeActivation says whether an unverified body may carry an API key that is shown only once. It is a guess that errs on the
// side of yes.
func LooksLikeActivation(body []byte) bool {
	return bytes.Contains(body, []byte(workflows.KindAgentActivated)) || bytes.Contains(body, []byte(`"apiKey"`))
}

// kindNames are where the kind may stand, all of them at the top.
var kindNames = []string{"type", "event", "eventType", "event_type"}

func (f fields) envelope() (Envelope, error) {
	e := Envelope{Kind: f.kind(), ActivationID: f.text("activationId"), OccurredAt: f.time("timestamp")}
	if err := usable("kind", e.Kind, maxKind); err != nil {
		return Envelope{}, err
	}
	if e.Kind == "" {
		return Envelope{}, fmt.Errorf("%w: no kind under type, event, eventType or event_type", ErrUnparseable)
	}
	if !known(e.Kind) || e.Kind == workflows.KindTestPing || e.ActivationID == workflows.TestActivationID {
		e.Ignored = true
		if usable("activationId", e.ActivationID, maxID) != nil {
			e.ActivationID = ""
		}
		return e, nil
	}
	if err := workflows.ValidateActivationID(e.ActivationID); err != nil {
		e.ActivationID = ""
		return e, fmt.Errorf("%w: %w", ErrUnparseable, err)
	}
	if err := usable("activationId", e.ActivationID, maxID); err != nil {
		e.ActivationID = ""
		return e, err
	}
	var err error
	e.DedupeKey, err = f.dedupeKey(e)
	return e, err
}

// kind prefers a documented one, should several of the names be in use.
func (f fields) kind() string {
	first := ""
	for _, name := range kindNames {
		kind := text(f.top[name])
		if known(kind) {
			return kind
		}
		if first == "" {
			first = kind
		}
	}
	return first
}

// dedupeKey follows the reference's idempotency keys, always with the kind before it: agent.activated and agent.deactivated share
// a bare activationId.
func (f fields) dedupeKey(e Envelope) (string, error) {
	var own string
	switch e.Kind {
	case workflows.KindAgentActivated, workflows.KindAgentDeactivated:
		own = e.ActivationID
	case workflows.KindAgentPaused, workflows.KindAgentResumed:
		// Without a time, a second pause can't be told from a repeated one.
		if e.OccurredAt.IsZero() {
			return "", nil
		}
		own = e.ActivationID + "/" + strconv.FormatInt(e.OccurredAt.UnixMilli(), 10)
	case workflows.KindApprovalResponse:
		if err := f.need("messageId", "inResponseToId"); err != nil {
			return "", err
		}
		if f.boolean("approved") == nil {
			return "", fmt.Errorf("%w: approved is neither true nor false", ErrUnparseable)
		}
		if err := usable("runId", f.text("runId"), maxID); err != nil {
			return "", err
		}
		own = f.text("messageId")
	case workflows.KindRunForceFailed:
		if err := f.need("runId"); err != nil {
			return "", err
		}
		own = f.text("runId")
	}
	return e.Kind + "/" + own, nil
}

func (f fields) need(names ...string) error {
	for _, name := range names {
		value := f.text(name)
		if value == "" {
			return fmt.Errorf("%w: %s is missing", ErrUnparseable, name)
		}
		if err := usable(name, value, maxID); err != nil {
			return err
		}
	}
	return nil
}

func known(kind string) bool {
	switch kind {
	case workflows.KindAgentActivated, workflows.KindApprovalResponse, workflows.KindAgentPaused, workflows.KindAgentResumed,
		workflows.KindAgentDeactivated, workflows.KindRunForceFailed, workflows.KindTestPing:
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
