package dev_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// The stories of cases, activations and notices are run again by their packages. The other tests here run the same workflow code, or run it in
// other processes.
func TestWorkflowsGoOnWithTheStickyCacheOff(t *testing.T) {
	t.Parallel()
	stickytest.Rerun(t, "-test.run=AttachmentEnds|RightState|ServerRecordsReplays|AfterARestart|TemporalWasAway")
}
