// Package artmail verifies and reads what Artmail posts to an agent's webhook URL (Artmail, "Publish your agent" and "Webhook events
// reference").
//
// Artmail documents activationId and timestamp, but neither the name of the field with the kind, nor the form of the time, nor the
// place of the other fields. So the kind may be in type, event, eventType or event_type, and every other field at the top or under data. If
// a field is in both places, the one at the top counts. Undocumented fields do not enter the event, since one of them may be the API key;
// the inbox keeps the whole body.
package artmail

import (
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Name names Artmail in deliveries. A delivery's scope is the agent.
const Name = "artmail"

// Provider verifies and reads Artmail's webhooks.
var Provider = hook.Provider[workflows.ActivationEvent]{Name: Name, Verify: Verify, Peek: Peek, Parse: Parse, Fit: Fit}

// Lane is the lane of one activation's events: the workflow's ID. It is empty where the activation is not known: such a delivery
// can't be sent.
func Lane(agent, activationID string) string {
	if activationID == "" {
		return ""
	}
	return workflows.ArtmailActivationWorkflowID(agent, activationID)
}
