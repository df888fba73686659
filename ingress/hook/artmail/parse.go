package artmail

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// fields are the fields of all kinds of events together.
type fields struct {
	identity
	InResponseToID string  `json:"inResponseToId"`
	Approved       *bool   `json:"approved"`
	Reason         string  `json:"reason"`
	StaleMinutes   float64 `json:"staleMinutes"`
	APIKey         string  `json:"apiKey"`
	User           user    `json:"user"`
}

type user struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// Parse implements hook.Provider. If the field approved of a response is neither true nor false, Approved is nil and the workflow asks a
// person.
func Parse(body []byte, meta workflows.EventMeta) (hook.Parsed[workflows.ActivationEvent], error) {
	var (
		b struct {
			head
			fields
			Data fields `json:"data"`
		}
		parsed hook.Parsed[workflows.ActivationEvent]
	)
	lost, err := wire.Read(body, &b)
	if err != nil {
		return parsed, fmt.Errorf("%w: %w", hook.ErrUnparseable, err)
	}
	f := b.fields
	f.fillFrom(b.Data)
	parsed.Envelope, err = b.envelope(&f.identity, lost)
	if err != nil {
		return parsed, err
	}
	if parsed.Ignored != "" {
		return parsed, fmt.Errorf("%w: %s", hook.ErrUnparseable, parsed.Ignored)
	}
	parsed.ClipText("reason", &f.Reason, workflows.MaxTextBytes)
	event := &parsed.Event
	meta.Kind, meta.OccurredAt = parsed.Kind, parsed.OccurredAt
	event.EventMeta = meta
	switch parsed.Kind {
	// Of this event only the user and, sealed, the key enter history. An undocumented field may be the key too, so it stays in the sealed body.
	case workflows.KindAgentActivated:
		parsed.APIKey = f.APIKey
		if parsed.APIKey == "" {
			parsed.APIKey = misspeltAPIKey(body)
		}
		if len(parsed.APIKey) > workflows.MaxAPIKeyBytes {
			parsed.APIKey = ""
			parsed.Lose("apiKey")
		}
		parsed.DropUnusable("user.id", &f.User.ID, maxID)
		parsed.ClipText("user.email", &f.User.Email, workflows.MaxShortTextBytes)
		if f.User != (user{}) {
			event.User = &workflows.ActivationUser{ID: f.User.ID, Email: f.User.Email}
		}
	case workflows.KindApprovalResponse:
		parsed.DropUnusable("inResponseToId", &f.InResponseToID, maxID)
		event.MessageID, event.InResponseToID, event.RunID = f.MessageID, f.InResponseToID, f.RunID
		event.Approved, event.Reason = f.Approved, f.Reason
	case workflows.KindRunForceFailed:
		if f.StaleMinutes < 0 || f.StaleMinutes > maxStaleMinutes {
			f.StaleMinutes = 0
			parsed.Lose("staleMinutes")
		}
		event.RunID, event.Reason, event.StaleMinutes = f.RunID, f.Reason, f.StaleMinutes
	case workflows.KindAgentPaused, workflows.KindAgentDeactivated:
		event.Reason = f.Reason
	}
	return parsed, nil
}

// maxStaleMinutes is a year.
const maxStaleMinutes = 366 * 24 * 60

func (f *fields) fillFrom(data fields) {
	f.identity.fillFrom(data.identity)
	f.InResponseToID = cmp.Or(f.InResponseToID, data.InResponseToID)
	f.Approved = cmp.Or(f.Approved, data.Approved)
	f.Reason = cmp.Or(f.Reason, data.Reason)
	f.StaleMinutes = cmp.Or(f.StaleMinutes, data.StaleMinutes)
	f.APIKey = cmp.Or(f.APIKey, data.APIKey)
	f.User = cmp.Or(f.User, data.User)
}

// misspeltAPIKey finds the key deeper than documented or under another spelling of its name, such as api_key. Artmail sends the key only
// once, so a second search is worth its time.
func misspeltAPIKey(body []byte) string {
	var value any
	// A byte order mark may stand before the object.
	if json.Unmarshal(wire.CutDeep(body[bytes.IndexByte(body, '{'):]), &value) != nil {
		return ""
	}
	return findAPIKey(value)
}

func findAPIKey(value any) (key string) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			text, isText := v[name].(string)
			if isText && strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(name), "apikey") {
				key = cmp.Or(key, text)
			}
			key = cmp.Or(key, findAPIKey(v[name]))
		}
	case []any:
		for _, member := range v {
			key = cmp.Or(key, findAPIKey(member))
		}
	}
	return key
}
