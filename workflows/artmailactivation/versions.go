package artmailactivation

// Versions of the carried state. A run carries the version of its code; a change of commands goes behind a named predicate here.
const (
	// versionFirst is the state as it began.
	versionFirst = 1

	versionNow = versionFirst
)
