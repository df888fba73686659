package casetest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func promise(name string) string { return "promise-" + name }

// promises are the guarantees for a case during outages, each under the name of its subtest.
var promises = map[string]func(t *testing.T, offload *provider, start workflows.CaseStart){
	"downloads-that-hang-delay-no-outcome": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		resume := offload.stallDownloads()
		defer resume()
		var all []*signalbox.Case
		var caseIDs []string
		for n := range filesAtOnce {
			before := start
			before.Reference = fmt.Sprint(start.Reference, "-", n)
			one, caseID := startRunning(t, offload, before)
			receiveAttachment(t, offload, caseID)
			all, caseIDs = append(all, one), append(caseIDs, caseID)
		}
		// They end together: a worker gives a download up that has brought nothing for 30 seconds.
		for _, caseID := range caseIDs {
			require.NoError(t, offload.Complete(caseID, nil))
		}
		for n, one := range all {
			endsAs(t, one, workflows.CaseCompleted, caseIDs[n])
		}
		require.Eventually(t, func() bool { return offload.downloading() == filesAtOnce }, waitTimeout, tick, "every slot has a download")

		before := start
		before.Reference = start.Reference + "-told"
		before.ReplyTo = receiverOf(before.Reference)
		told := startReceiver(t, shared.Temporal, before.Reference, 1)
		last, caseID := startRunning(t, offload, before)
		all = append(all, last)
		receiveAttachment(t, offload, caseID)
		completed := time.Now()
		require.NoError(t, offload.Complete(caseID, nil))
		got := endsAs(t, last, workflows.CaseCompleted, caseID)
		sameOutcome(t, got, *told()[0].Data.Outcome)
		t.Logf("the receiver knew the end after %s", time.Since(completed).Round(time.Millisecond))
		var files workflows.CaseFiles
		testenv.Eventually(t, func(ctx context.Context) (workflows.CaseFiles, error) {
			value, err := shared.Temporal.QueryWorkflow(ctx, workflows.OffloadFilesWorkflowID(last.Reference()), "", workflows.QueryState)
			if err == nil {
				err = value.Get(&files)
			}
			return files, err
		}, func(f workflows.CaseFiles) bool { return f.Pending == 1 })

		resume() // only now a download can end
		for _, ended := range all {
			files := stories.MustRetry(t, ended.Files)
			require.Empty(t, files.Unstored)
		}
	},
	"a-reset-creates-no-second-case": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one := stories.StartCase(t, shared.Apps, start)
		first := testenv.Eventually(t, unlost(offload, one), isRunning).CaseID
		posted := offload.creations()
		reset := &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: stories.Describe(t, shared.Temporal, one.WorkflowID()).GetWorkflowExecutionInfo().GetExecution(),
			Reason: "test", RequestId: start.Reference, WorkflowTaskFinishEventId: firstTask(t, one.WorkflowID()),
		}
		// The server gives the reset run the operator's signal again, before its first task.
		stories.ContinueAsNew(t, shared.Temporal, one.WorkflowID())
		stories.MustRetry(t, func(ctx context.Context) (*workflowservice.ResetWorkflowExecutionResponse, error) {
			return shared.Temporal.ResetWorkflowExecution(ctx, reset)
		})
		state := inStatus(t, one, workflows.CaseCreateUncertain)
		require.Regexp(t, "this run was reset|no answer in time", state.LastError) // a busy machine may lose the call
		require.Equal(t, posted, offload.creations(), "POST /cases")

		second := testenv.Eventually(t, func(ctx context.Context) (workflows.CaseState, error) {
			state, err := one.State(ctx)
			if err == nil && state.Status == workflows.CaseCreateUncertain && offload.creations() == posted {
				_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
			}
			return state, err
		}, isRunning).CaseID
		require.NotEqual(t, first, second)
		require.NoError(t, offload.SendFirstMessage(second))
		require.NoError(t, offload.Complete(second, nil))
		endsAs(t, one, workflows.CaseCompleted, second)
	},
	"a-reset-repeats-no-creation-that-a-person-asked-for": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, _ := startUncertain(t, offload, offloadsim.FailResetBefore, start)
		uncertain := lastTask(t, one.WorkflowID())
		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{By: "ada"}))
		first := testenv.Eventually(t, unlost(offload, one), isRunning).CaseID
		posted := offload.creations()
		reset := &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: stories.Describe(t, shared.Temporal, one.WorkflowID()).GetWorkflowExecutionInfo().GetExecution(),
			Reason: "test", RequestId: start.Reference, WorkflowTaskFinishEventId: uncertain,
		}
		stories.MustRetry(t, func(ctx context.Context) (*workflowservice.ResetWorkflowExecutionResponse, error) {
			return shared.Temporal.ResetWorkflowExecution(ctx, reset)
		})
		state := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool {
			return isRunning(s) || strings.Contains(s.LastError, "this run was reset")
		})
		require.Equal(t, posted, offload.creations(), "POST /cases")
		require.Equal(t, workflows.CaseCreateUncertain, state.Status)

		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{By: "ada"}))
		second := testenv.Eventually(t, stories.Attended(offload, one), isRunning).CaseID
		require.NotEqual(t, first, second)
		require.NoError(t, offload.SendFirstMessage(second))
		require.NoError(t, offload.Complete(second, nil))
		endsAs(t, one, workflows.CaseCompleted, second)
	},
	"another-workflow-id-is-refused": func(t *testing.T, _ *provider, start workflows.CaseStart) {
		run := stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{
			ID: "my-own-id", TaskQueue: workflows.TaskQueueWorkflows,
		}, workflows.OffloadCaseWorkflow, start)
		var refused *temporal.ApplicationError
		require.ErrorAs(t, run.Get(t.Context(), nil), &refused)
		require.Equal(t, workflows.ErrTypeWorkflowID, refused.Type())
		require.Contains(t, refused.Message(), workflows.OffloadCaseWorkflowID(start.Reference))
	},
	"a-terminated-case-is-shown-as-such": func(t *testing.T, _ *provider, start workflows.CaseStart) {
		one := stories.StartCase(t, shared.Apps, start)
		stories.Terminate(t, shared.Temporal, one.WorkflowID())
		for _, call := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := one.Wait(ctx); return err },
			func(ctx context.Context) error { _, err := one.State(ctx); return err },
			func(ctx context.Context) error { _, err := one.Cancel(ctx, workflows.CancelCase{}); return err },
			func(ctx context.Context) error { _, err := shared.Apps.StartCase(ctx, start); return err },
		} {
			_, err := stories.Retry(t.Context(), func(ctx context.Context) (bool, error) { return true, call(ctx) })
			require.ErrorIs(t, err, signalbox.ErrTerminated)
		}
	},
	"a-receiver-that-comes-back-is-told": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.ReplyTo = receiverOf(start.Reference)
		one, caseID := startRunning(t, offload, start)
		_, err := offload.AskInput(caseID, "Is a PDF fine?")
		require.NoError(t, err)
		inStatus(t, one, workflows.CaseInputNeeded)
		require.NoError(t, offload.Complete(caseID, nil))
		endsAs(t, one, workflows.CaseCompleted, caseID)
		waiting := expected(testenv.Eventually(t, deliveries(shared.Temporal, one), func(s workflows.NotifyState) bool {
			return len(s.Notices) > 0 && s.Notices[len(s.Notices)-1].Kind == workflows.NoticeCaseCompleted
		}).Notices)
		require.Equal(t, workflows.NoticeWaiting, waiting[len(waiting)-1].Status, "no receiver runs, and the case has ended all the same")

		var kinds []workflows.NoticeKind
		for _, n := range startReceiver(t, shared.Temporal, start.Reference, len(waiting))() {
			kinds = append(kinds, n.Kind)
		}
		require.Equal(t, []workflows.NoticeKind{workflows.NoticeCaseInputNeeded, workflows.NoticeCaseCompleted}, kinds)
		testenv.Eventually(t, deliveries(shared.Temporal, one), allDelivered(len(waiting)))
	},
	"a-notice-costs-two-events-at-most": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		const notices = 2
		var alone, told []string
		for n := range 5 { // on a slow machine Temporal repeats a task now and then, which has its events too
			start.Reference, start.ReplyTo = fmt.Sprint(promise("alone-"), n), nil
			alone = askedAndCompleted(t, offload, start)
			// Whether the receiver runs makes no difference to the case.
			start.Reference, start.ReplyTo = fmt.Sprint(promise("told-"), n), receiverOf("nobody")
			told = askedAndCompleted(t, offload, start)
			state := testenv.Eventually(t, deliveries(shared.Temporal, shared.Apps.Case(start.Reference)), func(s workflows.NotifyState) bool { return len(expected(s.Notices)) == notices })
			t.Log(len(alone), len(told))
			if len(state.Notices) == notices && len(told)-len(alone) <= 2*notices && len(withoutTasks(told))-len(withoutTasks(alone)) <= notices {
				return
			}
		}
		require.FailNow(t, "too many events", "alone: %v\ntold: %v", alone, told)
	},
	"an-older-worker-leaves-a-newer-state-alone": func(t *testing.T, _ *provider, start workflows.CaseStart) {
		queue := start.Reference
		// Not from the history: it holds the failure of the first attempt only, which Temporal may have lost.
		failures := make(chan any, 1)
		stop := runCases(t, queue, func(ctx workflow.Context, in offloadcase.Input) (workflows.CaseOutcome, error) {
			defer func() {
				if failure := recover(); failure != nil {
					select {
					case failures <- failure:
					default:
					}
					panic(failure)
				}
			}()
			return offloadcase.Workflow(ctx, in)
		})
		run := stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{
			ID: workflows.OffloadCaseWorkflowID(start.Reference), TaskQueue: queue,
		}, workflows.OffloadCaseWorkflow, map[string]any{
			"reference": start.Reference, "caseId": "c1",
			"carried": map[string]any{"version": 1000, "status": workflows.CaseRunning, "caseId": "c1"},
		})
		select {
		case failure := <-failures:
			require.Equal(t, "the carried state has version 1000, this code knows 1: run a newer worker", failure)
		case <-time.After(waitTimeout):
			require.FailNow(t, "the older worker took the newer state")
		}
		stop()
		runCases(t, queue, func(ctx workflow.Context, in offloadcase.Input) (workflows.CaseOutcome, error) {
			in.Carried.Version = 1 // as if this code knew the version
			return offloadcase.Workflow(ctx, in)
		})
		stories.Cancel(t, shared.Temporal, run.GetID())
		endsAs(t, shared.Apps.Case(start.Reference), workflows.CaseCancelled, "c1")
	},
}

const (
	namespace = "default"
	// filesAtOnce is how many files one worker downloads at a time.
	filesAtOnce = 8
)

func TestWhatACasePromises(t *testing.T) {
	t.Parallel()
	for name, story := range promises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, shared.providers[promise(name)], workflows.CaseStart{
				Reference: promise(name), Account: promise(name), Request: request(offloadsim.ScriptManual),
			})
		})
	}
}

// withoutTasks leaves out workflow tasks: how many there are depends on what happens to come together.
func withoutTasks(events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), func(event string) bool { return strings.HasPrefix(event, "WorkflowTask") })
}

// askedAndCompleted plays a case with a question and returns the types of its events.
func askedAndCompleted(t *testing.T, offload *provider, start workflows.CaseStart) []string {
	t.Helper()
	one, caseID := startRunning(t, offload, start)
	questionID, err := offload.AskInput(caseID, "Is a PDF fine?")
	require.NoError(t, err)
	inStatus(t, one, workflows.CaseInputNeeded)
	require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: questionID, Text: "Yes."}))
	inStatus(t, one, workflows.CaseInputSent)
	require.NoError(t, offload.Complete(caseID, nil))
	endsAs(t, one, workflows.CaseCompleted, caseID)
	return events(t, one.WorkflowID())
}

func receiveAttachment(t *testing.T, offload *provider, caseID string) {
	t.Helper()
	_, err := offload.ReceiveAttachment(caseID, "w9.pdf", "application/pdf", []byte("a file"))
	require.NoError(t, err)
}

// firstTask is the event with which the first workflow task was completed.
func firstTask(t *testing.T, workflowID string) int64 {
	t.Helper()
	at := slices.Index(events(t, workflowID), enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED.String())
	require.Positive(t, at)
	return int64(at) + 1
}

// lastTask is the event with which the newest workflow task was completed.
func lastTask(t *testing.T, workflowID string) int64 {
	t.Helper()
	all := events(t, workflowID)
	slices.Reverse(all)
	at := slices.Index(all, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED.String())
	require.GreaterOrEqual(t, at, 0)
	return int64(len(all) - at)
}

// runCases runs a worker for cases on a separate queue, until the end of the test or sooner.
func runCases(t *testing.T, queue string, code any) (stop func()) {
	t.Helper()
	notices, err := notice.New(notice.Config{Temporal: shared.Temporal, Now: time.Now})
	require.NoError(t, err)
	w := sdkworker.New(shared.Temporal, queue, sdkworker.Options{})
	notices.Register(w)
	w.RegisterWorkflowWithOptions(code, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	require.NoError(t, w.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			w.Stop()
		}
	}
	t.Cleanup(stop)
	return stop
}
