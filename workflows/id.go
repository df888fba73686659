package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ErrInvalidReference: a business app's reference can't be part of a workflow ID.
var ErrInvalidReference = errors.New("invalid reference")

// errInvalidAgent: an agent's name can't be part of a workflow ID.
var errInvalidAgent = errors.New("invalid agent")

// ErrInvalidActivationID: an activationId of Artmail can't be part of a workflow ID.
var ErrInvalidActivationID = errors.New("invalid activation id")

const (
	offloadCasePrefix       = OffloadCaseWorkflow + "/"
	artmailActivationPrefix = ArtmailActivationWorkflow + "/"

	// MaxWorkflowIDBytes is the longest workflow ID that Temporal stores on PostgreSQL and MySQL. There a call with a longer one always
	// fails, with an error that looks like an outage.
	MaxWorkflowIDBytes = 255
	// MaxSourceIDBytes is the longest workflow ID of a case or activation. It leaves room for the prefix of NotifyWorkflowID.
	MaxSourceIDBytes = 240

	// hashedPrefix marks a workflow ID that has the hash of an activationId.
	hashedPrefix = "sha256-"
)

// IDs are ASCII only: the server answers a workflow ID that is not with Internal, which looks like an outage.
var (
	referencePattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,200}$`)
	agentPattern     = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,100}$`)
)

// ValidateReference accepts 1 to 200 characters of [A-Za-z0-9._~-]: they need no escaping in a URL path or a workflow ID. It refuses "."
// and "..", because HTTP clients and proxies remove them from paths.
func ValidateReference(reference string) error {
	if !referencePattern.MatchString(reference) || reference == "." || reference == ".." {
		return fmt.Errorf("%w %q: want 1 to 200 characters of A-Z a-z 0-9 . _ ~ - (not \".\" or \"..\")", ErrInvalidReference, clip(reference))
	}
	return nil
}

// ValidateAgent accepts 1 to 100 characters of [A-Za-z0-9._~-].
func ValidateAgent(agent string) error {
	if !agentPattern.MatchString(agent) || agent == "." || agent == ".." {
		return fmt.Errorf("%w %q: want 1 to 100 characters of A-Z a-z 0-9 . _ ~ - (not \".\" or \"..\")", errInvalidAgent, clip(agent))
	}
	return nil
}

// ValidateActivationID accepts the IDs of ValidateID except "test", which Artmail uses for test deliveries.
func ValidateActivationID(id string) error {
	if problem := idProblem(id, MaxIDBytes); problem != "" {
		return fmt.Errorf("%w: %s", ErrInvalidActivationID, problem)
	}
	if id == TestActivationID {
		return fmt.Errorf("%w: %q is reserved for test deliveries", ErrInvalidActivationID, id)
	}
	return nil
}

// OffloadCaseWorkflowID returns the workflow ID of the case with the business app's reference.
func OffloadCaseWorkflowID(reference string) string { return offloadCasePrefix + reference }

// ParseOffloadCaseWorkflowID is the inverse of OffloadCaseWorkflowID; ok is false for any other workflow ID.
func ParseOffloadCaseWorkflowID(id string) (reference string, ok bool) {
	reference, ok = strings.CutPrefix(id, offloadCasePrefix)
	if !ok || ValidateReference(reference) != nil {
		return "", false
	}
	return reference, true
}

// ArtmailActivationWorkflowID returns the workflow ID of an activation, at most MaxSourceIDBytes long. Artmail does not document the
// format of activationIds, so the ID holds it percent-encoded. If that is too long, the ID holds the SHA-256 hash of the activationId
// instead, and only the workflow's input has the activationId. An activationId that looks like such a hash is hashed too, so that no two
// activations share an ID.
func ArtmailActivationWorkflowID(agent, activationID string) string {
	prefix := artmailActivationPrefix + agent + "/"
	id := prefix + url.PathEscape(activationID)
	if len(id) <= MaxSourceIDBytes && !strings.HasPrefix(activationID, hashedPrefix) {
		return id
	}
	sum := sha256.Sum256([]byte(activationID))
	return prefix + hashedPrefix + hex.EncodeToString(sum[:])
}

// AgentOfArtmailActivation returns the agent in an ArtmailActivationWorkflowID; ok is false for any other workflow ID.
func AgentOfArtmailActivation(workflowID string) (agent string, ok bool) {
	rest, ok := strings.CutPrefix(workflowID, artmailActivationPrefix)
	if !ok {
		return "", false
	}
	agent, activation, _ := strings.Cut(rest, "/")
	if activation == "" || strings.Contains(activation, "/") || ValidateAgent(agent) != nil {
		return "", false
	}
	return agent, true
}

// ParseArtmailActivationWorkflowID is the inverse of ArtmailActivationWorkflowID; ok is false for any other workflow ID. activationID is
// empty if the ID has only its hash; the workflow's query "state" has the activationId.
func ParseArtmailActivationWorkflowID(workflowID string) (agent, activationID string, ok bool) {
	agent, ok = AgentOfArtmailActivation(workflowID)
	if !ok {
		return "", "", false
	}
	escaped := strings.TrimPrefix(workflowID, artmailActivationPrefix+agent+"/")
	if strings.HasPrefix(escaped, hashedPrefix) {
		return agent, "", true
	}
	activationID, err := url.PathUnescape(escaped)
	return agent, activationID, err == nil
}

// clip shortens an unusable value for an error message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

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
