package offloadfiles

// Versions of the carried state. A change of commands goes behind a predicate here that asks for the version, so that recorded histories replay.
const (
	// versionFirst is the first one.
	versionFirst = 1

	versionNewest = versionFirst
)
