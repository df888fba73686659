package artmail

import "github.com/signalbox-dev/signalbox/workflows"

// Lane is the lane of one activation's events: the workflow's ID. It is empty where the activation is not known: such a delivery
// can't be sent.
func Lane(agent, activationID string) string {
	if activationID == "" {
		return ""
	}
	return workflows.ArtmailActivationWorkflowID(agent, activationID)
}
