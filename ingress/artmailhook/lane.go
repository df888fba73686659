package artmailhook

import "github.com/signalbox-dev/signalbox/workflows"

// Provider names Artmail in deliveries. A delivery's scope is the agent.
const Provider = "artmail"

// Lane is the lane of one activation's events: the workflow's ID. It is empty where the activation is not known, and then the
// delivery can't be handed to anybody.
func Lane(agent, activationID string) string {
	if activationID == "" {
		return ""
	}
	return workflows.ArtmailActivationWorkflowID(agent, activationID)
}

// BodyContext is what a sealed body in the inbox is bound to: it opens only for its own delivery, in its own lane.
func BodyContext(lane, deliveryID string) []string {
	return []string{"delivery", Provider, lane, deliveryID}
}
