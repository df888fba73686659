package artmailactivation_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
)

// Activations live for years and move to new code while they run: what a real server recorded of older code has to replay in today's. A
// change that breaks one of these needs a version in the carried state; recording the history again would only hide it.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t, "histories") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(t, file))
		})
	}
}

// These are recorded histories in which one command was changed by hand: a replay that accepts anything shows.
func TestBrokenHistoriesDoNotReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t, "broken") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, replay(t, file), "nondeterministic")
		})
	}
}

func histories(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no history to replay proves nothing")
	return files
}

func replay(t *testing.T, file string) error {
	t.Helper()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	return replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, file)
}
