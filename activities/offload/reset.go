package offload

import "github.com/signalbox-dev/signalbox/workflows"

// wasReset reports whether the run with the ID own comes from a reset and no person asked it for this creation. The earlier run may have created
// the case. A reset run has another ID than its original run; a run that was continued as new is its own original run.
//
// AskedRun is the run for which retry-create was sent. It must be this run, because Temporal repeats the updates of the earlier run. The workflow
// can't decide this: it must issue the same commands in both runs.
func wasReset(p workflows.CreateCaseParams, own string) bool {
	return p.OriginalRunID != "" && p.OriginalRunID != own && p.AskedRun != own
}
