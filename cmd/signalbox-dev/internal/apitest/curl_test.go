package apitest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The commands are those that the README shows; only the address differs.
func TestTheCommandsOfTheREADMERunAsTheyAre(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "curl", "curl")
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
