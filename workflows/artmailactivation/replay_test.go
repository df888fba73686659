package artmailactivation_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/internal/replaytest"
)

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	replaytest.Replays(t, workflows.ArtmailActivationWorkflow, artmailactivation.Workflow)
}

func TestHistoriesWithAnotherCommandDoNotReplay(t *testing.T) {
	t.Parallel()
	replaytest.FindsChanges(t, workflows.ArtmailActivationWorkflow, artmailactivation.Workflow)
}
