package notifytest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// source is one for each test and run of it.
func source(t *testing.T) string {
	return strings.ReplaceAll(fmt.Sprintf("test/%s-%d", t.Name(), time.Now().UnixNano()), "#", "-")
}

func notices(source string, from, to int64, target workflows.ReplyTo) []workflows.PostedNotice {
	var list []workflows.PostedNotice
	for seq := from; seq <= to; seq++ {
		list = append(list, workflows.PostedNotice{
			Notice: workflows.Notice{
				ID: fmt.Sprintf("ntc_%d", seq), Seq: seq, Kind: workflows.NoticeCaseInputNeeded, Source: source, Time: time.Now().UTC(),
				Data: workflows.NoticeData{Question: &workflows.Question{ID: "q1", Text: "Is a signed PDF acceptable?"}},
			},
			ReplyTo: &target,
		})
	}
	return list
}

func handOff(t *testing.T, source string, list []workflows.PostedNotice) {
	t.Helper()
	carryOut(t, workflows.HandOff{Source: source, Notices: list})
}

// carryOut carries out a hand-off, whose repetition changes nothing.
func carryOut(t *testing.T, h workflows.HandOff) workflows.HandOffResult {
	t.Helper()
	return stories.MustRetry(t, func(ctx context.Context) (workflows.HandOffResult, error) { return activities.HandOff(ctx, h) })
}

// startReceiver starts a business app's workflow that waits for so many notices.
func startReceiver(t *testing.T, id string, count int) client.WorkflowRun {
	t.Helper()
	return stories.Execute(t, shared, client.StartWorkflowOptions{ID: id, TaskQueue: receiverQueue}, "receive", count)
}

func requireReceived(t *testing.T, run client.WorkflowRun, want ...int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	var got []workflows.Notice
	require.NoError(t, run.Get(ctx, &got))
	var seqs []int64
	for _, n := range got {
		seqs = append(seqs, n.Seq)
		require.NotNil(t, n.Data.Question)
	}
	require.Equal(t, want, seqs)
}

// eventually reads the state of a source's notify until the condition holds.
func eventually(t *testing.T, source string, holds func(workflows.NotifyState) bool) workflows.NotifyState {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (workflows.NotifyState, error) {
		var state workflows.NotifyState
		value, err := shared.QueryWorkflow(ctx, workflows.NotifyWorkflowID(source), "", workflows.QueryState)
		if err == nil {
			err = value.Get(&state)
		}
		return state, err
	}, holds)
}

func all(count int, status workflows.NoticeStatus) func(workflows.NotifyState) bool {
	return func(s workflows.NotifyState) bool {
		for _, n := range s.Notices {
			if n.Status != status {
				return false
			}
		}
		return len(s.Notices) == count
	}
}

func runID(t *testing.T, source string) string {
	t.Helper()
	return stories.Describe(t, shared, workflows.NotifyWorkflowID(source)).GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

func TestAHandOffReachesANotifyWorkflowInEachState(t *testing.T) {
	t.Parallel()
	from := source(t)
	target := workflows.ReplyTo{WorkflowID: from + "/app", Signal: "told"}
	run := startReceiver(t, target.WorkflowID, 5)

	handOff(t, from, notices(from, 1, 2, target))
	state := eventually(t, from, all(2, workflows.NoticeDelivered))
	require.Equal(t, from, state.Source)
	require.GreaterOrEqual(t, state.Notices[0].Attempts, 1)
	first := runID(t, from)

	handOff(t, from, notices(from, 1, 3, target)) // repeats two
	eventually(t, from, all(3, workflows.NoticeDelivered))
	require.Equal(t, first, runID(t, from), "it lingers")

	stories.Cancel(t, shared, workflows.NotifyWorkflowID(from))
	require.NoError(t, shared.GetWorkflow(t.Context(), workflows.NotifyWorkflowID(from), first).Get(t.Context(), nil))
	handOff(t, from, notices(from, 4, 5, target))
	eventually(t, from, all(2, workflows.NoticeDelivered))
	require.NotEqual(t, first, runID(t, from))
	requireReceived(t, run, 1, 2, 3, 4, 5)
	requireReplays(t, from, first)
	requireReplays(t, from, runID(t, from))
}

func TestATargetThatStartsLaterGetsItsNoticesAndBlocksNoOther(t *testing.T) {
	t.Parallel()
	from := source(t)
	late := workflows.ReplyTo{WorkflowID: from + "/late", Signal: "told"}
	prompt := workflows.ReplyTo{WorkflowID: from + "/prompt", Signal: "told"}
	told := startReceiver(t, prompt.WorkflowID, 2)
	handOff(t, from, append(notices(from, 1, 2, late), notices(from, 3, 4, prompt)...))
	requireReceived(t, told, 3, 4)

	stories.ContinueAsNew(t, shared, workflows.NotifyWorkflowID(from))
	requireReceived(t, startReceiver(t, late.WorkflowID, 2), 1, 2)
	eventually(t, from, all(4, workflows.NoticeDelivered))
	requireReplays(t, from, runID(t, from))
}

func TestANoticeThatTemporalRefusesIsGivenUpAndResent(t *testing.T) {
	t.Parallel()
	from := source(t)
	impossible := workflows.ReplyTo{WorkflowID: from + "/app", Signal: ""}
	handOff(t, from, notices(from, 1, 1, impossible))
	state := eventually(t, from, all(1, workflows.NoticeGivenUp))
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, state.Attention)
	once := state.Notices[0].Attempts
	require.Positive(t, once)
	require.NotEmpty(t, state.Notices[0].LastError)

	for _, name := range []string{workflows.UpdateResend, workflows.UpdateDismiss} {
		var selected workflows.NoticesSelected
		stories.Update(t, shared, workflows.NotifyWorkflowID(from), name, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "ada"}, &selected)
		require.Equal(t, 1, selected.Notices)
		if name == workflows.UpdateResend {
			state = eventually(t, from, all(1, workflows.NoticeGivenUp))
			require.Greater(t, state.Notices[0].Attempts, once)
		}
	}
	require.Empty(t, eventually(t, from, all(1, workflows.NoticeDismissed)).Attention)
	requireReplays(t, from, runID(t, from))
}

func TestFilesOfACaseAreStartedOnceUnlessTheyFailed(t *testing.T) {
	t.Parallel()
	reference := strings.ReplaceAll(source(t), "/", ".")
	start := workflows.HandOff{Source: "test", Files: &workflows.FilesStart{Account: "default", Reference: reference, CaseID: "c1"}}
	first := ""
	for range 2 {
		carryOut(t, start)
		described := stories.Describe(t, shared, workflows.OffloadFilesWorkflowID(reference))
		info := described.GetWorkflowExecutionInfo()
		if first == "" {
			first = info.GetExecution().GetRunId()
		}
		require.Equal(t, first, info.GetExecution().GetRunId(), "already started counts as done")
		require.Equal(t, workflows.OffloadFilesWorkflow, info.GetType().GetName())
		require.Equal(t, workflows.TaskQueueWorkflows, info.GetTaskQueue())
		require.Contains(t, payloadtest.Options().DataConverter.ToString(described.GetExecutionConfig().GetUserMetadata().GetSummary()), reference)
	}

	start.Files.Reference, start.Files.CaseID = reference+".failed", "" // which can't be carried out
	carryOut(t, start)
	failed := shared.GetWorkflow(t.Context(), workflows.OffloadFilesWorkflowID(start.Files.Reference), "")
	require.Error(t, failed.Get(t.Context(), nil))
	carryOut(t, start)
	again := shared.GetWorkflow(t.Context(), workflows.OffloadFilesWorkflowID(start.Files.Reference), "")
	require.Error(t, again.Get(t.Context(), nil))
	require.NotEqual(t, failed.GetRunID(), again.GetRunID(), "a failed one is started again")
}

// requireReplays replays what the server has recorded of a run.
func requireReplays(t *testing.T, source, runID string) {
	t.Helper()
	history := stories.History(t, shared, workflows.NotifyWorkflowID(source), runID)
	options := payloadtest.Options()
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: options.DataConverter, FailureConverter: options.FailureConverter, DisableDeadlockDetection: true,
	})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	recorded := sdkworker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflows.NotifyWorkflowID(source), RunID: runID}}
	require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, recorded))
}

// It runs before the parallel tests: dev/sticky_test.go says why.
func TestEverythingHoldsWithTheStickyCacheOff(t *testing.T) {
	stickytest.Rerun(t, "-test.skip=StickyCacheOff")
}
