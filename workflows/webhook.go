package workflows

// Where providers post. The relay and the ingress agree on these paths with whoever makes a URL for a provider.
const (
	// OffloadWebhookRoute is the capability URL of one case: the token is a MAC over OffloadTokenContext.
	OffloadWebhookRoute = "/webhooks/offload/:reference/:token"
	// OffloadSharedWebhookRoute is for cases whose URL can't be their own.
	OffloadSharedWebhookRoute = "/webhooks/offload-shared/:secret"
	// ArtmailWebhookRoute is one for each agent and serves every brand.
	ArtmailWebhookRoute = "/webhooks/artmail/:agent"
)

// OffloadWebhookPath is the path of a case's capability URL. It is a secret: it never enters a history or a log.
func OffloadWebhookPath(reference, token string) string {
	return "/webhooks/offload/" + reference + "/" + token
}

// OffloadTokenContext is what the token of a capability URL is made over: the provider and the reference.
func OffloadTokenContext(reference string) []string { return []string{"offload", reference} }

// APIKeyContext is what a sealed API key is bound to: it opens only for its own activation.
func APIKeyContext(agent, activationID string) []string {
	return []string{"artmail-api-key", agent, activationID}
}
