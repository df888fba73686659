package artmailactivation_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
)

// Activations live for years and move to new code while they run: what released code recorded has to replay in today's. A change that breaks one of these
// needs a version in the carried state; recording the history again would only hide it.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for name, history := range histories(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(history))
		})
	}
}

// In each recorded history each command is once dropped, as if the code made one more, and each activity once another one. That none of them
// replays shows that replaying finds the like.
func TestAHistoryWithOtherCommandsDoesNotReplay(t *testing.T) {
	t.Parallel()
	for name, history := range histories(t) {
		for i, event := range history.GetEvents() {
			// Of a cancelled end the replayer does not say whether the code came to it.
			last := history.GetEvents()[len(history.GetEvents())-1]
			cancelledNext := last.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED && i == len(history.GetEvents())-2
			if !isCommand(event) || cancelledNext {
				continue
			}
			changes := map[string]*historypb.History{"dropped": dropped(history, i)}
			if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
				changes["another"] = withAnotherActivity(history, i)
			}
			for change, changed := range changes {
				t.Run(fmt.Sprintf("%s/%s %d %s", name, event.GetEventType(), event.GetEventId(), change), func(t *testing.T) {
					t.Parallel()
					err := replay(changed)
					require.Error(t, err)
					require.Regexp(t, "TMPRL1100|doesn't return the same result", err.Error())
				})
			}
		}
	}
}

// isCommand says whether the workflow's code made the event. The cancellation of a timer can't be left out alone.
func isCommand(event *historypb.HistoryEvent) bool {
	return slices.Contains([]enumspb.EventType{
		enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
	}, event.GetEventType())
}

// dropped has a signal that no code listens to in the place of the command.
func dropped(history *historypb.History, at int) *historypb.History {
	changed, _ := proto.Clone(history).(*historypb.History)
	event := changed.GetEvents()[at]
	event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
	event.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: "nothing"},
	}
	return changed
}

func withAnotherActivity(history *historypb.History, at int) *historypb.History {
	changed, _ := proto.Clone(history).(*historypb.History)
	changed.GetEvents()[at].GetActivityTaskScheduledEventAttributes().GetActivityType().Name = "another"
	return changed
}

func histories(t *testing.T) map[string]*historypb.History {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "a replay test without histories finds nothing")
	all := map[string]*historypb.History{}
	for _, file := range files {
		content, err := os.Open(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(content, client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.NoError(t, content.Close())
		all[filepath.Base(file)] = history
	}
	return all
}

// replay replays under the ID that the history was recorded with, which the workflow checks. The replayer writes into what it is given.
func replay(history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	own, _ := proto.Clone(history).(*historypb.History)
	id := own.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
	return replayer.ReplayWorkflowHistoryWithOptions(
		quiet{}, own,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}},
	)
}
