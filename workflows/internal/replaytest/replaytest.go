// Package replaytest replays the recorded histories of a workflow, unchanged and with each command changed. It is for tests only.
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

// Replays replays each history in testdata/histories. Workflows live for weeks or years and continue with new code, so histories of
// released code must replay in today's. A change that breaks one needs a new version of the carried state; a new recording would only
// hide the problem.
func Replays(t *testing.T, name string, code any) {
	t.Helper()
	for file, history := range histories(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(name, code, history))
		})
	}
}

// FindsChanges drops or doubles each command of each history, or changes its activity. None of these histories may replay: that shows
// that the histories would detect such a change of the code.
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

// isCommand reports whether the workflow's code made the event. The cancellation of a timer does not count, because it can't be dropped
// alone.
func isCommand(event *historypb.HistoryEvent) bool {
	return slices.Contains([]enumspb.EventType{
		enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
	}, event.GetEventType())
}

// beforeCancelled reports whether the command is the last before a cancelled end. There the replayer does not report whether the code
// reached the command.
func beforeCancelled(history *historypb.History, at int) bool {
	events := history.GetEvents()
	return at == len(events)-2 && events[at+1].GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
}

// dropped replaces the command by a signal that no code reads.
func dropped(history *historypb.History, at int) *historypb.History {
	changed := clone(history)
	event := changed.GetEvents()[at]
	event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
	event.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: "nothing"},
	}
	return changed
}

// doubled repeats the command: the copy follows it, and later events move by one.
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

// moveEventIDs adds one to each event ID after the given one, also in references from other events.
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

// replay replays a history under its recorded workflow ID, which the workflow checks. It clones the history, because the replayer writes
// into it. On a busy machine a workflow task may take longer than the second after which the SDK reports a deadlock.
func replay(name string, code any, history *historypb.History) error {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	if err != nil {
		return err
	}
	replayer.RegisterWorkflowWithOptions(code, workflow.RegisterOptions{Name: name})
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return replayer.ReplayWorkflowHistoryWithOptions(
		sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), clone(history),
		worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
		},
	)
}
