package offloadfiles_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/replaytest"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
)

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	replaytest.Replays(t, workflows.OffloadFilesWorkflow, offloadfiles.Workflow)
}

func TestHistoriesWithAnotherCommandDoNotReplay(t *testing.T) {
	t.Parallel()
	replaytest.FindsChanges(t, workflows.OffloadFilesWorkflow, offloadfiles.Workflow)
}
