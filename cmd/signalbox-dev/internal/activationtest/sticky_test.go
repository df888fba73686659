package activationtest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// stickyOff runs the tests with the sticky cache off: then every workflow task replays the history, and nondeterminism shows.
const stickyOff = "SIGNALBOX_TEST_STICKY_CACHE_OFF"

// The setting is the process's, so the stories of an activation run once more in another one.
func TestStoriesHoldWithTheStickyCacheOff(t *testing.T) {
	t.Parallel()
	const stories = "EachKindOfEvent|WithoutAWebhook|ReachARunningActivation"
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.count=1", "-test.run="+stories, "-test.timeout=25m")
	command.Env = append(os.Environ(), stickyOff+"=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "PASS")
	require.NotContains(t, string(output), "no tests to run")
}
