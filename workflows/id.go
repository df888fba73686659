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
	// MaxSourceIDBytes is the longest ID of a case or activation, so that NotifyWorkflowID of it fits MaxWorkflowIDBytes.
	MaxSourceIDBytes = 240

	// hashedPrefix begins what stands in a workflow ID for an activationId that is too long.
	hashedPrefix = "sha256-"
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

// ValidateActivationID accepts what ValidateID does, except "test", which Artmail keeps for test deliveries.
func ValidateActivationID(id string) error {
	if problem := idProblem(id, MaxIDBytes); problem != "" {
		return fmt.Errorf("%w: %s", ErrInvalidActivationID, problem)
	}
	if id == TestActivationID {
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

// ArtmailActivationWorkflowID is the workflow ID of one activation of an agent, at most MaxSourceIDBytes long. Artmail doesn't document the
// format of its activationId, so it is percent-encoded. Where it is too long for that, its SHA-256 hash stands in the ID instead, and only
// the workflow's input has the activationId itself. An activationId that looks like such a hash is hashed too, so that no two share an ID.
func ArtmailActivationWorkflowID(agent, activationID string) string {
	prefix := artmailActivationPrefix + agent + "/"
	id := prefix + url.PathEscape(activationID)
	if len(id) <= MaxSourceIDBytes && !strings.HasPrefix(activationID, hashedPrefix) {
		return id
	}
	sum := sha256.Sum256([]byte(activationID))
	return prefix + hashedPrefix + hex.EncodeToString(sum[:])
}

// AgentOfArtmailActivation is the agent in an ArtmailActivationWorkflowID; ok is false for any other workflow ID. The activationId can't be
// read from the ID in every case: ask the workflow's query "state" for it.
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

// ParseArtmailActivationWorkflowID is the inverse of ArtmailActivationWorkflowID; ok is false for any other workflow ID. activationID is empty
// where the ID has only its hash: the query "state" tells it.
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

// clip keeps an unusable ID readable in an error.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
