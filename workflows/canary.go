package workflows

import "strings"

// A canary is a case that `signalbox doctor --canary` starts to try the way of an event. It follows an invented case of an account that no
// worker has, so that no provider is called for it; its event ends it.
const (
	// CanaryAccount is the account of a canary. No configuration may have it.
	CanaryAccount = "~canary"

	canaryPrefix = "~canary-"
)

// CanaryReference is the reference of a canary, of which id is unique.
func CanaryReference(id string) string { return canaryPrefix + id }

// IsCanaryReference says whether a reference is kept for canaries.
func IsCanaryReference(reference string) bool { return strings.HasPrefix(reference, canaryPrefix) }
