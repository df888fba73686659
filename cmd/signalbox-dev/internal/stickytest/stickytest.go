// Package stickytest runs tests once more with Temporal's sticky cache off. Then every workflow task replays the history, and nondeterminism
// shows.
package stickytest

import (
	"strings"
	"testing"

	sdkworker "go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// variable turns the cache off, for all workers of the process.
const variable = "SIGNALBOX_TEST_STICKY_CACHE_OFF"

// Apply turns the cache off in a process that Rerun has started. TestMain calls it before the first worker starts.
func Apply() {
	if testenv.Variable(variable) != "" {
		sdkworker.SetStickyWorkflowCacheSize(0)
	}
}

// Rerun runs tests of this binary in another process, with the cache off. The flag selects them, such as -test.run=Stories; it must leave out
// the test that calls Rerun.
func Rerun(t *testing.T, flag string) {
	t.Helper()
	child := testenv.Child(t, variable+"=1")
	child.Args = append(child.Args, "-test.count=1", "-test.timeout=25m", flag)
	child.Stderr = nil // CombinedOutput sets it
	output, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "PASS") || strings.Contains(string(output), "no tests to run") {
		t.Fatalf("with the sticky cache off: %v\n%s", err, output)
	}
}
