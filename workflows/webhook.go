package workflows

// Paths to which providers post. The relay, the ingress, and the code that makes webhook URLs share them.
const (
	// OffloadWebhookRoute is the capability URL of one case. The token is a MAC over OffloadTokenContext.
	OffloadWebhookRoute = "/webhooks/offload/:reference/:token"
	// OffloadSharedWebhookRoute is for cases that can't have a URL each.
	OffloadSharedWebhookRoute = "/webhooks/offload-shared/:secret"
	// ArtmailWebhookRoute has one URL for each agent, for all brands.
	ArtmailWebhookRoute = "/webhooks/artmail/:agent"
)

// OffloadWebhookPath returns the path of a case's capability URL. It is a secret: it must not enter a history or a log.
func OffloadWebhookPath(reference, token string) string {
	return "/webhooks/offload/" + reference + "/" + token
}

// OffloadTokenContext returns the context of a capability URL's token: the provider and the reference.
func OffloadTokenContext(reference string) []string { return []string{"offload", reference} }

// APIKeyContext returns the context of a sealed API key: it opens only for its own activation.
func APIKeyContext(agent, activationID string) []string {
	return []string{"artmail-api-key", agent, activationID}
}
