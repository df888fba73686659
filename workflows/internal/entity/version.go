package entity

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// CheckVersion fails the workflow task if newer code has written the carried state. Temporal repeats the task until a worker with newer
// code runs it. An error instead of a panic would end the workflow.
func CheckVersion(carried, known int) {
	if carried > known {
		panic(fmt.Sprintf("the carried state has version %d, this code knows %d: run a newer worker", carried, known))
	}
}

// firstVersion is the version of the carried state in the first release. A run of that release has recorded no version.
const firstVersion = 1

// BeginVersion returns the version of the carried state for this run: current is that of this code, and counts for a run that this code
// begins. A run that older code began keeps its version when this code replays it and goes on; the run that follows after a continue-as-new has
// the version of the code that begins it. Call BeginVersion once in each run, before the first command. The version is recorded in the history with
// two events; the first version needs none.
//
// A code change that changes the commands of recorded histories needs a new current version, in versions.go of the workflow, and beside it a named
// predicate that returns whether a version has the new commands.
func (r *Run) BeginVersion(current int) int {
	if current == firstVersion {
		return firstVersion
	}
	return max(firstVersion, int(workflow.GetVersion(r.Ctx, "state", workflow.DefaultVersion, workflow.Version(current))))
}
