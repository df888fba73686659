package dev_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// The stories of cases, activations and notices are run again by their packages. The other tests here run the same workflow code, or run it in
// other processes. It runs before the parallel tests: on a machine with much other work, replays with the cache off end in workflow tasks that
// fail and are tried again.
func TestWorkflowsGoOnWithTheStickyCacheOff(t *testing.T) {
	stickytest.Rerun(t, "-test.run=AttachmentEnds|RightState|ServerRecordsReplays|AfterARestart|TemporalWasAway")
}
