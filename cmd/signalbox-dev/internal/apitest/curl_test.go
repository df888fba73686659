package apitest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// The commands are those that the README shows; only the address differs.
func TestTheCommandsOfTheREADMERunAsTheyAre(t *testing.T) {
	t.Parallel()
	requires(t, "sh", "curl")
	commands, err := os.ReadFile(filepath.Join("testdata", "curl.sh"))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), strings.TrimSpace(string(commands)))
	const address = "http://127.0.0.1:8081"
	require.Equal(t, 1, strings.Count(string(commands), address))
	shell := exec.CommandContext(t.Context(), "sh", "-eu")
	shell.Stdin = strings.NewReader(strings.Replace(string(commands), address, shared.InternalURL(), 1))
	var problems strings.Builder
	shell.Stderr = &problems
	said, err := shell.Output()
	require.NoError(t, err, problems.String())
	require.Empty(t, problems.String())

	answers := json.NewDecoder(strings.NewReader(string(said)))
	var started struct{ Reference string }
	require.NoError(t, answers.Decode(&started), "%s", said)
	require.Equal(t, "vendor_2048", started.Reference)
	var receipt workflows.InputReceipt
	require.NoError(t, answers.Decode(&receipt), "%s", said)
	require.NotEmpty(t, receipt.QuestionID, "%s", said)
	var state workflows.CaseState
	require.NoError(t, answers.Decode(&state), "%s", said)
	require.Equal(t, workflows.CaseCompleted, state.Status, "%s", said)
	require.NotNil(t, state.Outcome)
	require.Equal(t, "Yes, a signed PDF is fine.", state.Answers[0].Text)
	var transcript workflows.CaseTranscript
	require.NoError(t, answers.Decode(&transcript), "%s", said)
	require.NotEmpty(t, transcript.Text)
}

// requires skips the test where a program is missing, unless the run insists on it.
func requires(t *testing.T, programs ...string) {
	t.Helper()
	insisted := strings.Split(os.Getenv("SIGNALBOX_TEST_REQUIRE"), ",")
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			require.False(t, slices.Contains(insisted, program), "required by SIGNALBOX_TEST_REQUIRE, but not installed: %v", err)
			t.Skipf("no %s on this machine: install it", program)
		}
	}
}
