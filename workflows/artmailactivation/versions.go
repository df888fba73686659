package artmailactivation

// Versions of the carried state. A change of the commands that a recorded history holds gets a new one, and a named predicate here that says from
// which version on the new commands are issued. A run keeps the version that it was begun with.
const (
	// versionFirst is the state as first released.
	versionFirst = 1

	versionCurrent = versionFirst
)
