package artmailactivation

// Versions of the carried state. A code change that changes the commands of recorded histories needs a new version here, and a named predicate
// that returns whether a version has the new commands. A run keeps the version with which it began.
const (
	// versionFirst is the first released version.
	versionFirst = 1

	versionCurrent = versionFirst
)
