package notify

// versionCurrent is the version of the carried state. entity.Run.BeginVersion says when a change of the code needs a new one.
const versionCurrent = 1
