package signalbox

import "github.com/signalbox-dev/signalbox/workflows"

// OpenAPIKey opens the API key that an agent's activity "check-approval" was given, for the calls of that activity alone: the key
// belongs in no result, no error and no log. ErrNotFound: the activation has none, since it never came or was dropped.
func (c *Client) OpenAPIKey(params workflows.CheckApprovalParams) (string, error) {
	return c.openAPIKey(params.Agent, params.ActivationID, params.SealedAPIKey)
}
