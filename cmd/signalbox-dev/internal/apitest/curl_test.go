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
	const documented = "vendor_2048"
	require.Contains(t, string(commands), documented)
	var said []byte
	reference := documented
	// On a busy machine the API may answer 503 in its time, and a creation may be lost, which takes longer than the commands wait.
	for {
		shell := exec.CommandContext(t.Context(), "sh", "-eu")
		shell.Stdin = strings.NewReader(strings.NewReplacer(address, shared.InternalURL(), documented, reference).Replace(string(commands)))
		var problems strings.Builder
		shell.Stderr = &problems
		said, err = shell.Output()
		require.NoError(t, err, problems.String())
		require.Empty(t, problems.String())
		if !strings.Contains(string(said), `"status":503`) && !needsHelp(reference) {
			break
		}
		reference += "-again"
		require.Less(t, strings.Count(reference, "-again"), 5, "%s", said)
	}

	answers := json.NewDecoder(strings.NewReader(string(said)))
	var started struct{ Reference string }
	require.NoError(t, answers.Decode(&started), "%s", said)
	require.Equal(t, reference, started.Reference)
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
