package notify_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/notify"
)

// What released code recorded has to replay in today's. A change that breaks one of these needs a version in the carried state; to record the
// history again would only hide it.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(read(t, file)))
		})
	}
}

// Each command of the histories is changed in turn. That none replays shows that the histories would find the like in the code.
func TestHistoriesWithAnotherCommandDoNotReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			changed := 0
			for i := range read(t, file).GetEvents() {
				history := read(t, file)
				if !change(history.GetEvents()[i]) {
					continue
				}
				changed++
				require.ErrorContains(t, replay(history), "TMPRL1100", "event %d", i+1)
			}
			require.Positive(t, changed)
		})
	}
}

// change makes a command another one.
func change(event *historypb.HistoryEvent) bool {
	if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
		a.ActivityType.Name = "notice.something"
		return true
	}
	if a := event.GetTimerStartedEventAttributes(); a != nil {
		a.TimerId += "0"
		return true
	}
	return false
}

func histories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "a replay test without histories finds nothing")
	return files
}

// read reads a history anew, since replaying writes into it.
func read(t *testing.T, file string) *historypb.History {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var history historypb.History
	require.NoError(t, protojson.Unmarshal(text, &history))
	return &history
}

// replay replays under the ID that the history was recorded with, from which the workflow takes its source.
func replay(history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()}})
}
