package api_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Strangers' tools read the document, so a stranger's linter does first.
func TestTheDocumentPassesRedocly(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs(filepath.Join("..", "..", ".ci", "openapi"))
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(folder, "node_modules", ".bin", "redocly"))
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err != nil {
		testenv.Missing(t, "node", fmt.Sprintf("install it, and run `npm ci` in .ci/openapi: %v", err))
	}
	lint := func(document string) (string, error) {
		command := exec.CommandContext(t.Context(), filepath.Join(folder, "node_modules", ".bin", "redocly"), "lint", "--config", filepath.Join(folder, "redocly.yaml"), document)
		command.Env = append(command.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "CI=true")
		said, err := command.CombinedOutput()
		return string(said), err
	}
	said, err := lint("openapi.yaml")
	require.NoError(t, err, said)

	// The linter is shown to find a fault.
	document, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	broken := filepath.Join(t.TempDir(), "openapi.yaml")
	require.NoError(t, os.WriteFile(broken, []byte(strings.Replace(string(document), "#/components/schemas/CaseStart", "#/components/schemas/CaseStrat", 1)), 0o600))
	said, err = lint(broken)
	require.Error(t, err, said)
}
