package offloadcase

// Versions of the carried state. A code change that changes the commands of recorded histories needs a new version here, and a named predicate
// that returns whether a version has the new commands. A run keeps the version of the code that began it, also when newer code goes on
// with it. The run that follows after a continue-as-new has the version of the code that begins that run.
// entity.CheckVersion refuses a state of a newer version.
const (
	// versionFirst is the first released version.
	versionFirst = 1

	versionCurrent = versionFirst
)
