package artmailsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// The values of Envelope's fields.
const (
	AtTop     = "top"
	UnderData = "data"

	TimeISO          = "iso"
	TimeSeconds      = "seconds"
	TimeMilliseconds = "milliseconds"
)

var (
	discriminators = []string{"type", "event", "eventType", "event_type"}
	nestings       = []string{AtTop, UnderData}
	timeFormats    = []string{TimeISO, TimeSeconds, TimeMilliseconds}
)

// Envelope is the shape that all events share. Documented are only the names activationId and timestamp.
type Envelope struct {
	// Discriminator names the field of the event's kind: type, event, eventType or event_type.
	Discriminator string `json:"discriminator"`
	// Nesting says where an event's extra fields are: AtTop or UnderData.
	Nesting string `json:"nesting"`
	// Timestamp is TimeISO, TimeSeconds or TimeMilliseconds.
	Timestamp string `json:"timestamp"`
}

// draw fills in what is open, and refuses what is none of the possible shapes.
func (e Envelope) draw(dice *courier.Dice) (Envelope, error) {
	for _, part := range []struct {
		value   *string
		choices []string
	}{
		{&e.Discriminator, discriminators}, {&e.Nesting, nestings}, {&e.Timestamp, timeFormats},
	} {
		if *part.value == "" {
			*part.value = part.choices[dice.IntN(len(part.choices))]
		}
		if !slices.Contains(part.choices, *part.value) {
			return Envelope{}, fmt.Errorf("artmailsim: envelope has %q, not one of %v", *part.value, part.choices)
		}
	}
	return e, nil
}

// encode writes an event in this shape.
func (e Envelope) encode(event, activationID string, at time.Time, extra map[string]any) ([]byte, error) {
	body := map[string]any{
		e.Discriminator: event,
		"activationId":  activationID,
		"timestamp":     e.time(at),
	}
	if e.Nesting == UnderData {
		if extra == nil {
			extra = map[string]any{}
		}
		body["data"] = extra
	} else {
		maps.Copy(body, extra)
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode %s of activation %s: %w", event, activationID, err)
	}
	return encoded, nil
}

func (e Envelope) time(at time.Time) any {
	switch e.Timestamp {
	case TimeSeconds:
		return at.Unix()
	case TimeMilliseconds:
		return at.UnixMilli()
	default:
		return at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
}

// tick is the smallest step of time that this shape can tell apart.
func (e Envelope) tick() time.Duration {
	if e.Timestamp == TimeSeconds {
		return time.Second
	}
	return time.Millisecond
}
