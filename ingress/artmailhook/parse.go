package artmailhook

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Event is a parsed body. The API key stands apart, so that the rest can be passed on as it is.
type Event struct {
	workflows.ActivationEvent
	ActivationID string
	// APIKey is in clear and only in agent.activated. Whoever takes it seals it before anything else.
	APIKey string
}

// Parse turns a body into the event that a workflow is signalled. The meta's kind and time come from the body; the rest, which
// the inbox knows, is taken as given. It fails with ErrUnparseable also for what is to be Ignored.
func Parse(body []byte, meta workflows.EventMeta) (Event, error) {
	f, err := readFields(body)
	if err != nil {
		return Event{}, err
	}
	envelope, err := f.envelope()
	if err != nil {
		return Event{}, err
	}
	if envelope.Ignored {
		return Event{}, fmt.Errorf("%w: %q is not for a workflow", ErrUnparseable, envelope.Kind)
	}
	meta.Kind, meta.OccurredAt = envelope.Kind, envelope.OccurredAt
	event := Event{ActivationEvent: workflows.ActivationEvent{EventMeta: meta}, ActivationID: envelope.ActivationID}

	taken := append([]string{"activationId", "timestamp"}, kindNames...)
	take := func(name string) string {
		taken = append(taken, name)
		return name
	}
	switch envelope.Kind {
	case workflows.KindAgentActivated:
		event.APIKey = f.text(take("apiKey"))
		event.User = f.user(take("user"))
	case workflows.KindApprovalResponse:
		event.MessageID = f.text(take("messageId"))
		event.InResponseToID = f.text(take("inResponseToId"))
		event.Approved = f.boolean(take("approved"))
		event.Reason = f.text(take("reason"))
		event.RunID = f.text(take("runId"))
	case workflows.KindRunForceFailed:
		event.RunID = f.text(take("runId"))
		event.Reason = f.text(take("reason"))
		event.StaleMinutes = f.number(take("staleMinutes"))
	case workflows.KindAgentPaused, workflows.KindAgentDeactivated:
		event.Reason = f.text(take("reason"))
	}
	extra, apiKey, err := f.extra(taken, event.APIKey)
	if err != nil {
		return Event{}, err
	}
	event.Extra = extra
	if envelope.Kind == workflows.KindAgentActivated {
		event.APIKey = apiKey
	}
	return event, nil
}

// user is nil where neither ID nor address was given.
func (f fields) user(name string) *workflows.ActivationUser {
	var members map[string]json.RawMessage
	if raw := f.get(name); raw == nil || json.Unmarshal(raw, &members) != nil {
		return nil
	}
	user := workflows.ActivationUser{ID: text(members["id"]), Email: text(members["email"])}
	if user == (workflows.ActivationUser{}) {
		return nil
	}
	return &user
}
