package dev_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The setting is the process's, so the tests run once more in another one.
func TestEverythingHoldsWithTheStickyCacheOff(t *testing.T) {
	t.Parallel()
	// It must not start itself again, and the production binary runs in a separate process anyway.
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.count=1", "-test.skip=StickyCacheOff|ProductionBinary", "-test.timeout=25m")
	bind(command)
	command.Env = append(os.Environ(), stickyOff+"=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "PASS")
}
