package offloadfiles

// Versions of the carried state. A change of the commands in recorded histories needs a new version here, and a named predicate that says
// from which version on the new commands are used.
const (
	// versionFirst is the first released version.
	versionFirst = 1

	versionCurrent = versionFirst
)
