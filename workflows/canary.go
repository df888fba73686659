package workflows

import "strings"

// A canary is a case with which `signalbox doctor --canary` tests the path of an event. Its account is on no worker, so it calls no
// provider, and its event ends it.
const (
	// CanaryAccount is the account of canaries. No configuration may define it.
	CanaryAccount = "~canary"

	canaryPrefix = "~canary-"
)

// CanaryReference returns the reference of a canary; id must be unique.
func CanaryReference(id string) string { return canaryPrefix + id }

// IsCanaryReference reports whether a reference is reserved for canaries.
func IsCanaryReference(reference string) bool { return strings.HasPrefix(reference, canaryPrefix) }
