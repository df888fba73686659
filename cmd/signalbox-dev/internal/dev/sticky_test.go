package dev_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// The stories of cases, activations and notices are run again by their packages. The other tests here run the same workflow code, or run it in
// other processes. It runs before the parallel tests: on busy processors, a history may go on while a query without the cache replays it, which the
// SDK can't do (https://github.com/temporalio/sdk-go/issues/755).
func TestWorkflowsGoOnWithTheStickyCacheOff(t *testing.T) {
	stickytest.Rerun(t, "-test.run=AttachmentEnds|RightState|ServerRecordsReplays|AfterARestart|TemporalWasAway")
}
