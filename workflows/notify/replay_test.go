package notify_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/replaytest"
	"github.com/signalbox-dev/signalbox/workflows/notify"
)

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	replaytest.Replays(t, workflows.NotifyWorkflow, notify.Workflow)
}

func TestHistoriesWithAnotherCommandDoNotReplay(t *testing.T) {
	t.Parallel()
	replaytest.FindsChanges(t, workflows.NotifyWorkflow, notify.Workflow)
}
