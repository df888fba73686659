package artmailactivation_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
)

// Histories in testdata/histories were recorded on a real server from released code; those in testdata/broken were altered by hand, so
// that a replay which accepts anything shows.

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t, "histories") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(t, file))
		})
	}
}

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
	_, err := os.Stat(file)
	require.NoError(t, err)
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	return replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, file)
}
