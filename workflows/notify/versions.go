package notify

// Versions of the carried state.
const (
	versionFirst = 1

	version = versionFirst
)
