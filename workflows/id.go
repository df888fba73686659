package workflows

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ErrInvalidReference says that a business app's reference can't be part of a workflow ID.
var ErrInvalidReference = errors.New("invalid reference")

// ErrInvalidAgent says that an agent name can't be part of a workflow ID.
var ErrInvalidAgent = errors.New("invalid agent")

// ErrInvalidActivationID says that Artmail's activationId can't be part of a workflow ID.
var ErrInvalidActivationID = errors.New("invalid activation id")

const (
	offloadCasePrefix       = OffloadCaseWorkflow + "/"
	artmailActivationPrefix = ArtmailActivationWorkflow + "/"

	// MaxWorkflowIDBytes is the longest workflow ID that Temporal keeps on PostgreSQL and MySQL. There a longer one fails for ever,
	// as if the server were away.
	MaxWorkflowIDBytes = 255

	// maxProviderIDBytes keeps a percent-encoded provider ID, together with the agent, below Temporal's limit of 1000 bytes
	// for a workflow ID, three bytes for one at worst.
	maxProviderIDBytes = 250
)

// Only ASCII: the server answers Internal, as if it were down, to a workflow ID that is not.
var (
	referencePattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,200}$`)
	agentPattern     = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,100}$`)
)

// ValidateReference accepts 1 to 200 characters of [A-Za-z0-9._~-], which stand in a URL path and a workflow ID as they are.
// "." and ".." are refused, since HTTP clients and proxies fold them away.
func ValidateReference(reference string) error {
	if !referencePattern.MatchString(reference) || reference == "." || reference == ".." {
		return fmt.Errorf("%w %q: want 1 to 200 characters of A-Z a-z 0-9 . _ ~ - (not \".\" or \"..\")", ErrInvalidReference, clip(reference))
	}
	return nil
}

// ValidateAgent accepts 1 to 100 characters of [A-Za-z0-9._~-].
func ValidateAgent(agent string) error {
	if !agentPattern.MatchString(agent) || agent == "." || agent == ".." {
		return fmt.Errorf("%w %q: want 1 to 100 characters of A-Z a-z 0-9 . _ ~ - (not \".\" or \"..\")", ErrInvalidAgent, clip(agent))
	}
	return nil
}

// ValidateActivationID accepts any non-empty text of up to 250 bytes except "test", which Artmail keeps for test deliveries.
func ValidateActivationID(id string) error {
	switch {
	case strings.TrimSpace(id) == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidActivationID)
	case len(id) > maxProviderIDBytes:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrInvalidActivationID, len(id), maxProviderIDBytes)
	case id == TestActivationID:
		return fmt.Errorf("%w: %q is kept for test deliveries", ErrInvalidActivationID, id)
	}
	return nil
}

// OffloadCaseWorkflowID is the workflow ID of the case that a business app calls reference.
func OffloadCaseWorkflowID(reference string) string { return offloadCasePrefix + reference }

// ParseOffloadCaseWorkflowID is the inverse of OffloadCaseWorkflowID; ok is false for any other workflow ID.
func ParseOffloadCaseWorkflowID(id string) (reference string, ok bool) {
	reference, ok = strings.CutPrefix(id, offloadCasePrefix)
	if !ok || ValidateReference(reference) != nil {
		return "", false
	}
	return reference, true
}

// ArtmailActivationWorkflowID is the workflow ID of one activation of an agent. Artmail doesn't document the format of its
// activationId, so it is percent-encoded.
func ArtmailActivationWorkflowID(agent, activationID string) string {
	return artmailActivationPrefix + agent + "/" + url.PathEscape(activationID)
}

// ParseArtmailActivationWorkflowID is the inverse of ArtmailActivationWorkflowID; ok is false for any other workflow ID.
func ParseArtmailActivationWorkflowID(id string) (agent, activationID string, ok bool) {
	rest, ok := strings.CutPrefix(id, artmailActivationPrefix)
	if !ok {
		return "", "", false
	}
	agent, escaped, ok := strings.Cut(rest, "/")
	if !ok || ValidateAgent(agent) != nil {
		return "", "", false
	}
	activationID, err := url.PathUnescape(escaped)
	if err != nil || ValidateActivationID(activationID) != nil || ArtmailActivationWorkflowID(agent, activationID) != id {
		return "", "", false
	}
	return agent, activationID, true
}

// clip keeps an unusable ID readable in an error.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
