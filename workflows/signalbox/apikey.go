package signalbox

import "github.com/signalbox-dev/signalbox/workflows"

// OpenAPIKey opens the API key in the arguments of an agent's activity "check-approval". Use the key only for the calls of that activity,
// and put it in no result, error or log. It fails with ErrNotFound if the activation has no key: the key never came, or the activation
// was deactivated.
func (c *Client) OpenAPIKey(params workflows.CheckApprovalParams) (string, error) {
	return c.openAPIKey(params.Agent, params.ActivationID, params.SealedAPIKey)
}
