package offloadcase_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/replaytest"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	replaytest.Replays(t, workflows.OffloadCaseWorkflow, offloadcase.Workflow)
}

func TestHistoriesWithAnotherCommandDoNotReplay(t *testing.T) {
	t.Parallel()
	replaytest.FindsChanges(t, workflows.OffloadCaseWorkflow, offloadcase.Workflow)
}
