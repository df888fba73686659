// Package replaytest replays the recorded histories of a workflow, as they are and with each command changed. Only tests import it.
package replaytest

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Replays replays each history in testdata/histories. Workflows live for weeks or years and move to new code while they run: what released code
// recorded has to replay in today's. A change that breaks one of these needs a version in the carried state; to record the history again would
// only hide it.
func Replays(t *testing.T, name string, code any) {
	t.Helper()
	for file, history := range histories(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(name, code, history))
		})
	}
}

// FindsChanges changes each command of each history: it is dropped, doubled, or calls another activity. None of these replays, so the histories
// would find the like in the code.
func FindsChanges(t *testing.T, name string, code any) {
	t.Helper()
	for file, history := range histories(t) {
		for i, event := range history.GetEvents() {
			if !isCommand(event) {
				continue
			}
			changes := map[string]*historypb.History{"doubled": doubled(history, i)}
			if !beforeCancelled(history, i) {
				changes["dropped"] = dropped(history, i)
			}
			if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
				changes["another activity"] = withAnotherActivity(history, i)
			}
			for change, changed := range changes {
				t.Run(fmt.Sprintf("%s/%s %d %s", file, event.GetEventType(), event.GetEventId(), change), func(t *testing.T) {
					t.Parallel()
					err := replay(name, code, changed)
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

// beforeCancelled says whether the command is the last before a cancelled end, of which the replayer does not say whether the code came to it.
func beforeCancelled(history *historypb.History, at int) bool {
	events := history.GetEvents()
	return at == len(events)-2 && events[at+1].GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
}

// dropped has a signal that no code listens to in the place of the command.
func dropped(history *historypb.History, at int) *historypb.History {
	changed := clone(history)
	event := changed.GetEvents()[at]
	event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
	event.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: "nothing"},
	}
	return changed
}

// doubled has the command twice: the copy follows it, and what comes after moves on by one.
func doubled(history *historypb.History, at int) *historypb.History {
	changed := clone(history)
	id := changed.GetEvents()[at].GetEventId()
	second, _ := proto.Clone(changed.GetEvents()[at]).(*historypb.HistoryEvent)
	for _, event := range changed.GetEvents() {
		moveEventIDs(event.ProtoReflect(), id)
	}
	second.EventId = id + 1
	if scheduled := second.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
		scheduled.ActivityId = fmt.Sprint(id + 1)
	}
	if started := second.GetTimerStartedEventAttributes(); started != nil {
		started.TimerId = fmt.Sprint(id + 1)
	}
	changed.Events = slices.Insert(changed.GetEvents(), at+1, second)
	return changed
}

// moveEventIDs adds one to the number of the event and to all that it says of others, where they come after an event.
func moveEventIDs(message protoreflect.Message, after int64) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Kind() == protoreflect.Int64Kind && strings.HasSuffix(string(field.Name()), "event_id"):
			if value.Int() > after {
				message.Set(field, protoreflect.ValueOfInt64(value.Int()+1))
			}
		case field.Kind() == protoreflect.MessageKind && !field.IsList() && !field.IsMap():
			moveEventIDs(value.Message(), after)
		}
		return true
	})
}

func withAnotherActivity(history *historypb.History, at int) *historypb.History {
	changed := clone(history)
	changed.GetEvents()[at].GetActivityTaskScheduledEventAttributes().GetActivityType().Name = "another"
	return changed
}

func clone(history *historypb.History) *historypb.History {
	cloned, _ := proto.Clone(history).(*historypb.History)
	return cloned
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
func replay(name string, code any, history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(code, workflow.RegisterOptions{Name: name})
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return replayer.ReplayWorkflowHistoryWithOptions(
		sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), clone(history),
		worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
		},
	)
}
