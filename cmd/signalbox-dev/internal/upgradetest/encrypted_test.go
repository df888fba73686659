package upgradetest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
)

// The keys are the process's, so the tests run once more in another one.
func TestUpgradesHoldWithEncryptedPayloads(t *testing.T) {
	if payloadtest.Keys() != nil {
		t.Skip("all tests of this run have encrypted payloads")
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.count=1", "-test.timeout=25m")
	command.Env = append(os.Environ(), payloadtest.Variable+"=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "PASS")
}
