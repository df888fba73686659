package offloadcase_test

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

// Cases live for weeks and move to new code while they run: what released code recorded has to replay in today's. A change that breaks
// one of these needs a version in the carried state; recording the history again would only hide it.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t, "histories") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(t, file))
		})
	}
}

// These are recorded histories in which one command was changed by hand. They show that replaying would find the like.
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
	require.NotEmpty(t, files, "a replay test without histories finds nothing")
	return files
}

func replay(t *testing.T, file string) error {
	t.Helper()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	return replayer.ReplayWorkflowHistoryFromJSONFile(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), file)
}
