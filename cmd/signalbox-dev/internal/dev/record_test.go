package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

var record = flag.Bool("record", false, "record the histories that the workflows' replay tests replay; only from code that is to be released")

// TestWhatTheServerRecordsReplays plays each story against the real server and replays what the workflow's history became. With -record it
// writes the histories down for the workflows' own replay tests.
func TestWhatTheServerRecordsReplays(t *testing.T) {
	t.Parallel()
	for name, story := range caseStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := story(t, "record-"+name)
			_, err := testenv.Within(t, one.Wait)
			require.NoError(t, err)
			checkHistories(t, "offloadcase", name, one.WorkflowID())
		})
	}
	for name, story := range activationStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkHistories(t, "artmailactivation", name, story(t).WorkflowID())
		})
	}
	for name, story := range noticeStories {
		t.Run("notices-"+name, func(t *testing.T) {
			t.Parallel()
			source := "record/" + name
			story(t, source)
			stopLingering(t, workflows.NotifyWorkflowID(source))
			checkHistories(t, "notify", name, workflows.NotifyWorkflowID(source))
		})
	}
	for name, story := range fileStories {
		t.Run("files-"+name, func(t *testing.T) {
			t.Parallel()
			one := story(t, "record-files-"+name)
			stories.MustRetry(t, one.Files)
			checkHistories(t, "offloadfiles", name, workflows.OffloadFilesWorkflowID(one.Reference()))
		})
	}
}

func startScripted(t *testing.T, reference, script string, options workflows.CaseOptions) *signalbox.Case {
	t.Helper()
	return startWith(t, workflows.CaseStart{Reference: reference, Options: options}, script)
}

// startWithReceiver starts a case whose receiver takes every signal.
func startWithReceiver(t *testing.T, reference, script string) *signalbox.Case {
	t.Helper()
	return startWith(t, workflows.CaseStart{Reference: reference, ReplyTo: startReceiver(t, "app/"+reference)}, script)
}

// startReceiver starts a workflow that no worker runs: Temporal takes its signals all the same.
func startReceiver(t *testing.T, id string) *workflows.ReplyTo {
	t.Helper()
	stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{ID: id, TaskQueue: "no-worker"}, "app")
	return &workflows.ReplyTo{WorkflowID: id, Signal: "news"}
}

func startWith(t *testing.T, start workflows.CaseStart, script string) *signalbox.Case {
	t.Helper()
	return startWithSchema(t, start, script, nil)
}

func startWithSchema(t *testing.T, start workflows.CaseStart, script string, schema json.RawMessage) *signalbox.Case {
	t.Helper()
	start.Request = &workflows.CaseRequest{
		Channel:       "EMAIL",
		Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"},
		SenderPersona: workflows.SenderPersona{Name: "Grace"},
		ResultSchema:  schema,
	}
	return stories.StartCase(t, shared.Apps, start)
}

// impatient options bring what takes a quarter of an hour into a test.
var impatient = workflows.CaseOptions{
	ReconcileAfter: workflows.Duration(200 * time.Millisecond),
	PollFloor:      workflows.Duration(100 * time.Millisecond),
	PollCeiling:    workflows.Duration(200 * time.Millisecond),
}

// inStatus waits for a status of a case that the shared instance creates at its own Offload.
func inStatus(t *testing.T, one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, stories.Attended(shared.Simulators.Offload, one), func(s workflows.CaseState) bool { return s.Status == want })
}

func answerOpenQuestion(t *testing.T, one *signalbox.Case) {
	t.Helper()
	state := inStatus(t, one, workflows.CaseInputNeeded)
	require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes.", By: "ada"}))
}

var caseStories = map[string]func(t *testing.T, reference string) *signalbox.Case{
	"completed-by-webhook": func(t *testing.T, reference string) *signalbox.Case {
		return ended(t, startScripted(t, reference, "complete", workflows.CaseOptions{}))
	},
	"failed": func(t *testing.T, reference string) *signalbox.Case {
		return ended(t, startScripted(t, reference, "reject", workflows.CaseOptions{}))
	},
	"completed-by-poll": func(t *testing.T, reference string) *signalbox.Case {
		return ended(t, startScripted(t, reference, "lost", impatient))
	},
	"reconciled-now": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "silent", workflows.CaseOptions{})
		inStatus(t, one, workflows.CaseRunning)
		stories.MustRetry(t, func(ctx context.Context) (bool, error) { return true, one.ReconcileNow(ctx, "ada") })
		checked := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Check == nil && !s.Facts.CreatedAt.IsZero() })
		require.NoError(t, shared.Simulators.Offload.Complete(checked.CaseID, nil))
		return one
	},
	"answered": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "question", workflows.CaseOptions{})
		answerOpenQuestion(t, one)
		return one
	},
	"answered-by-poll": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "lost-question", impatient)
		answerOpenQuestion(t, one)
		return one
	},
	"cancelled": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "silent", workflows.CaseOptions{})
		inStatus(t, one, workflows.CaseRunning)
		require.NoError(t, stories.CancelCase(t.Context(), one, workflows.CancelCase{Reason: "not needed", By: "ada"}))
		return one
	},
	"cancelled-in-temporal": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "silent", workflows.CaseOptions{})
		inStatus(t, one, workflows.CaseRunning)
		stories.Cancel(t, shared.Temporal, one.WorkflowID())
		return one
	},
	"expired": func(t *testing.T, reference string) *signalbox.Case {
		return startScripted(t, reference, "silent", workflows.CaseOptions{Deadline: time.Now().Add(time.Second)})
	},
	"continued-as-new-while-asked": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "question", impatient)
		inStatus(t, one, workflows.CaseInputNeeded)
		stories.ContinueAsNew(t, shared.Temporal, one.WorkflowID())
		answerOpenQuestion(t, one)
		return one
	},
	"create-uncertain-then-adopted": func(t *testing.T, reference string) *signalbox.Case {
		one, caseID := startUncertain(t, reference)
		require.NoError(t, stories.Adopt(t.Context(), one, workflows.AdoptCase{CaseID: caseID, By: "ada"}))
		require.NoError(t, shared.uncertain.Fail(caseID, offloadsim.ResultBounced, ""))
		return one
	},
	"create-uncertain-then-retried": func(t *testing.T, reference string) *signalbox.Case {
		one, _ := startUncertain(t, reference)
		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{By: "ada"}))
		made := testenv.Eventually(t, func(context.Context) ([]offloadsim.Record, error) { return shared.uncertain.CasesOf(reference), nil },
			func(made []offloadsim.Record) bool { return len(made) == 2 })
		// Its answer is lost as well; the case's own webhook proves it.
		require.NoError(t, shared.uncertain.SendFirstMessage(made[1].CaseID))
		require.NoError(t, shared.uncertain.Complete(made[1].CaseID, nil))
		return one
	},
	"completed-with-files-and-told": func(t *testing.T, reference string) *signalbox.Case {
		return ended(t, startWithReceiver(t, reference, "complete"))
	},
	"completed-with-result-omitted": func(t *testing.T, reference string) *signalbox.Case {
		return completeLarge(t, startWithReceiver(t, reference, "manual"))
	},
	"completed-off-schema-and-told": func(t *testing.T, reference string) *signalbox.Case {
		one := startWithSchema(t, workflows.CaseStart{Reference: reference, ReplyTo: startReceiver(t, "app/"+reference)}, "complete",
			json.RawMessage(`{"required":["vatId"]}`))
		outcome, err := testenv.Within(t, ended(t, one).Wait)
		require.NoError(t, err)
		require.Equal(t, workflows.CaseCompleted, outcome.Status)
		require.Equal(t, []workflows.SchemaViolation{{Reason: `property "vatId" is missing`}}, outcome.ResultCheck.Violations)
		require.Equal(t, []string{workflows.AttentionResultOffSchema}, outcome.Attention)
		return one
	},
	"answered-and-told": func(t *testing.T, reference string) *signalbox.Case {
		one := startWithReceiver(t, reference, "question")
		answerOpenQuestion(t, one)
		return one
	},
	"asked-without-a-time": func(t *testing.T, reference string) *signalbox.Case {
		one := startWithReceiver(t, reference, "manual")
		offload := shared.Simulators.Offload
		caseID := inStatus(t, one, workflows.CaseRunning).CaseID
		require.NoError(t, offload.SendFirstMessage(caseID))
		require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
		question, err := offload.AskInput(caseID, "Is a PDF fine?")
		require.NoError(t, err)
		url, err := shared.Apps.WebhookURL(reference)
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, post(t, url, `{"event_type":"case.input_needed","data":{"caseId":"`+caseID+
			`","status":"INPUT_NEEDED","inputRequestId":"`+question+`","inputRequest":"Is a PDF fine?","inputRequestStatus":"PENDING"}}`))
		answerOpenQuestion(t, one)
		inStatus(t, one, workflows.CaseInputSent)
		require.NoError(t, offload.Complete(caseID, nil))
		return one
	},
	"unknown-status": func(t *testing.T, reference string) *signalbox.Case {
		one := startWith(t, workflows.CaseStart{
			Reference: reference, Account: "odd", Options: impatient, ReplyTo: startReceiver(t, "app/"+reference),
		}, "manual")
		testenv.Eventually(t, stories.Attended(shared.odd, one), func(s workflows.CaseState) bool {
			return slices.Contains(s.Attention, workflows.AttentionUnknownStatus)
		})
		caseID := shared.odd.CasesOf(reference)[0].CaseID
		require.NoError(t, shared.odd.SendFirstMessage(caseID))
		require.NoError(t, shared.odd.Complete(caseID, nil))
		return one
	},
}

// startUncertain starts a case whose creation is uncertain. Other stories create cases at the same time, so it has a separate provider.
func startUncertain(t *testing.T, reference string) (one *signalbox.Case, caseID string) {
	t.Helper()
	one = startWith(t, workflows.CaseStart{Reference: reference, Account: "uncertain"}, "manual")
	testenv.Eventually(t, func(ctx context.Context) (bool, error) {
		state, err := one.State(ctx)
		if err != nil || state.Status != workflows.CaseCreateUncertain {
			return false, err
		}
		if len(shared.uncertain.CasesOf(reference)) > 0 {
			return true, nil
		}
		_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"}) // a busy machine lost the call
		return false, err
	}, func(created bool) bool { return created })
	return one, shared.uncertain.CasesOf(reference)[0].CaseID
}

// completeLarge completes a case with a result that no signal carries.
func completeLarge(t *testing.T, one *signalbox.Case) *signalbox.Case {
	t.Helper()
	offload := shared.Simulators.Offload
	caseID := inStatus(t, one, workflows.CaseRunning).CaseID
	require.NoError(t, offload.SendFirstMessage(caseID))
	require.NoError(t, offload.Complete(caseID, map[string]any{"text": strings.Repeat("x", 600<<10)}))
	return one
}

var fileStories = map[string]func(t *testing.T, reference string) *signalbox.Case{
	"stored-and-told": func(t *testing.T, reference string) *signalbox.Case {
		one := startWithReceiver(t, reference, "manual")
		offload := shared.Simulators.Offload
		caseID := inStatus(t, one, workflows.CaseRunning).CaseID
		require.NoError(t, offload.SendFirstMessage(caseID))
		// More than are stored at the same time.
		for n := range 6 {
			name := fmt.Sprintf("page-%d.pdf", n)
			_, err := offload.ReceiveAttachment(caseID, name, "application/pdf", []byte(name))
			require.NoError(t, err)
		}
		require.NoError(t, offload.Complete(caseID, nil))
		return ended(t, one)
	},
	"result-stored": func(t *testing.T, reference string) *signalbox.Case {
		return ended(t, completeLarge(t, startScripted(t, reference, "manual", workflows.CaseOptions{})))
	},
	"cancelled-after-continue-as-new": func(t *testing.T, reference string) *signalbox.Case {
		one := startWith(t, workflows.CaseStart{Reference: reference, Account: "odd"}, "complete")
		testenv.Eventually(t, stories.Attended(shared.odd, one), func(s workflows.CaseState) bool { return s.Status.Ended() })
		id := workflows.OffloadFilesWorkflowID(reference)
		testenv.Eventually(t, filesOf(one), func(f workflows.CaseFiles) bool { return f.Pending == 1 })
		stories.ContinueAsNew(t, shared.Temporal, id)
		testenv.Eventually(t, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
			return shared.Temporal.DescribeWorkflowExecution(ctx, id, "")
		}, func(d *workflowservice.DescribeWorkflowExecutionResponse) bool {
			return d.GetWorkflowExecutionInfo().GetHistoryLength() > 4 // it waits for its next try
		})
		stories.Update(t, shared.Temporal, id, workflows.UpdateCancel, workflows.CancelCase{Reason: "not needed", By: "ada"}, nil)
		return one
	},
}

// ended waits for the end of a case that the shared instance creates at its own Offload. The state shows the end before the workflow that
// stores the files has started.
func ended(t *testing.T, one *signalbox.Case) *signalbox.Case {
	t.Helper()
	testenv.Eventually(t, stories.Attended(shared.Simulators.Offload, one), func(s workflows.CaseState) bool { return s.Status.Ended() })
	stories.MustRetry(t, one.Wait)
	return one
}

func filesOf(one *signalbox.Case) func(context.Context) (workflows.CaseFiles, error) {
	return func(ctx context.Context) (files workflows.CaseFiles, err error) {
		value, err := shared.Temporal.QueryWorkflow(ctx, workflows.OffloadFilesWorkflowID(one.Reference()), "", workflows.QueryState)
		if err == nil {
			err = value.Get(&files)
		}
		return files, err
	}
}

// handOverAgent is an agent with a hand-over workflow, which no worker runs.
const handOverAgent = "handed"

var noticeStories = map[string]func(t *testing.T, source string){
	"delivered": func(t *testing.T, source string) {
		to := startReceiver(t, "app/"+source)
		handOff(t, source, *to, 1, 2)
		allNotices(t, source, workflows.NoticeDelivered, 2)
		handOff(t, source, *to, 2, 3) // repeats one
		allNotices(t, source, workflows.NoticeDelivered, 3)
	},
	"receiver-comes-later": func(t *testing.T, source string) {
		to := workflows.ReplyTo{WorkflowID: "app/" + source, Signal: "news"}
		handOff(t, source, to, 1, 2)
		allNotices(t, source, workflows.NoticeWaiting, 2)
		stories.ContinueAsNew(t, shared.Temporal, workflows.NotifyWorkflowID(source))
		startReceiver(t, to.WorkflowID)
		allNotices(t, source, workflows.NoticeDelivered, 2)
	},
	"callback-gone": func(t *testing.T, source string) {
		to := startReceiver(t, "app/"+source)
		handOff(t, source, *to, 1, 1, goneCallback)
		testenv.Eventually(t, func(ctx context.Context) (state workflows.NotifyState, err error) {
			value, err := shared.Temporal.QueryWorkflow(ctx, workflows.NotifyWorkflowID(source), "", workflows.QueryState)
			if err != nil {
				return state, err
			}
			return state, value.Get(&state)
		}, func(s workflows.NotifyState) bool {
			return len(s.Notices) == 2 && len(s.Attention) == 1 && s.Notices[0].Status == workflows.NoticeDelivered
		})
	},
	"handed-over": func(t *testing.T, source string) {
		activities, err := notice.New(notice.Config{Temporal: shared.Temporal, Now: time.Now, Agents: map[string]notice.Agent{
			handOverAgent: {HandOver: &workflows.HandOver{WorkflowType: "handed-over", TaskQueue: "no-worker"}},
		}})
		require.NoError(t, err)
		h := workflows.HandOff{Source: source, Agent: handOverAgent, Notices: []workflows.PostedNotice{{Notice: workflows.Notice{
			ID: "ntc_1", Seq: 1, Kind: workflows.NoticeActivationActivated, Source: source, Agent: handOverAgent, ActivationID: "a1",
			Time: time.Now().UTC(),
		}}}}
		stories.MustRetry(t, func(ctx context.Context) (workflows.HandOffResult, error) { return activities.HandOff(ctx, h) })
		allNotices(t, source, workflows.NoticeDelivered, 1)
	},
	"ended-after-idle-time": func(t *testing.T, source string) {
		almost := time.Now().Add(time.Second - workflows.NotifyLinger).UTC()
		run := stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{
			ID: workflows.NotifyWorkflowID(source), TaskQueue: workflows.TaskQueueWorkflows,
		}, workflows.NotifyWorkflow, notify.Input{Carried: &lifecycle.State{Version: 1, Source: source, IdleSince: almost}})
		require.NoError(t, run.Get(t.Context(), nil))
	},
	"given-up-resent-and-dismissed": func(t *testing.T, source string) {
		handOff(t, source, workflows.ReplyTo{WorkflowID: "app/" + source}, 1, 1) // without a signal's name
		for _, update := range []string{workflows.UpdateResend, workflows.UpdateDismiss} {
			allNotices(t, source, workflows.NoticeGivenUp, 1)
			stories.Update(t, shared.Temporal, workflows.NotifyWorkflowID(source), update, workflows.SelectNotices{By: "ada"}, nil)
		}
		allNotices(t, source, workflows.NoticeDismissed, 1)
	},
}

func handOff(t *testing.T, source string, to workflows.ReplyTo, from, until int64, callbacks ...string) {
	t.Helper()
	h := workflows.HandOff{Source: source}
	for seq := from; seq <= until; seq++ {
		h.Notices = append(h.Notices, workflows.PostedNotice{ReplyTo: &to, Notify: callbacks, Notice: workflows.Notice{
			ID: fmt.Sprint("ntc_", seq), Seq: seq, Kind: workflows.NoticeCaseInputNeeded, Source: source, Time: time.Now().UTC(),
			Data: workflows.NoticeData{Question: &workflows.Question{ID: "q1", Text: "Is a PDF fine?"}},
		}})
	}
	activities, err := notice.New(notice.Config{Temporal: shared.Temporal, Now: time.Now})
	require.NoError(t, err)
	stories.MustRetry(t, func(ctx context.Context) (workflows.HandOffResult, error) { return activities.HandOff(ctx, h) })
}

func allNotices(t *testing.T, source string, status workflows.NoticeStatus, count int) {
	t.Helper()
	testenv.Eventually(t, func(ctx context.Context) (state workflows.NotifyState, err error) {
		value, err := shared.Temporal.QueryWorkflow(ctx, workflows.NotifyWorkflowID(source), "", workflows.QueryState)
		if err == nil {
			err = value.Get(&state)
		}
		return state, err
	}, func(s workflows.NotifyState) bool {
		return len(s.Notices) == count && !slices.ContainsFunc(s.Notices, func(n workflows.NoticeRecord) bool { return n.Status != status })
	})
}

// stopLingering ends a workflow that would wait for ten minutes, if it has not ended by itself.
func stopLingering(t *testing.T, workflowID string) {
	t.Helper()
	if _, err := stories.Retry(t.Context(), func(ctx context.Context) (bool, error) {
		return true, shared.Temporal.CancelWorkflow(ctx, workflowID, "")
	}); err != nil {
		var ended *serviceerror.NotFound
		require.ErrorAs(t, err, &ended)
	}
	require.NoError(t, shared.Temporal.GetWorkflow(t.Context(), workflowID, "").Get(t.Context(), nil))
}

var activationStories = map[string]func(t *testing.T) *signalbox.Activation{
	"paused-resumed-deactivated": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		require.NoError(t, shared.Simulators.Artmail.Pause(id, "user_paused"))
		inActivationStatus(t, one, workflows.ActivationPaused)
		require.NoError(t, shared.Simulators.Artmail.Resume(id))
		inActivationStatus(t, one, workflows.ActivationActive)
		require.NoError(t, shared.Simulators.Artmail.Deactivate(id, "user_deactivated"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
	"approvals-and-runs": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		artmail := shared.Simulators.Artmail
		run, err := artmail.OpenRun(id)
		require.NoError(t, err)
		stories.MustRetry(t, func(ctx context.Context) (workflows.Run, error) {
			return one.OpenRun(ctx, workflows.OpenRun{RunID: run})
		})
		var messages []string
		for _, runID := range []string{"", run, ""} {
			message, err := artmail.RequestApproval(id, "May I?", runID)
			require.NoError(t, err)
			messages = append(messages, message)
		}
		stories.RequestApprovals(t, one,
			workflows.ApprovalRequest{MessageID: messages[0], ReplyTo: startReceiver(t, "app/"+messages[0])},
			workflows.ApprovalRequest{MessageID: messages[1], RunID: run, ReplyTo: &workflows.ReplyTo{WorkflowID: "nobody", Signal: "news"}},
			workflows.ApprovalRequest{MessageID: messages[2], Deadline: time.Now().Add(time.Second)})
		stories.MustRetry(t, func(ctx context.Context) (bool, error) {
			return true, one.TouchRuns(ctx, workflows.TouchRuns{RunIDs: []string{run}})
		})
		stories.ContinueAsNew(t, shared.Temporal, one.WorkflowID())
		_, err = artmail.RespondApproval(messages[0], true, "Fine.", "")
		require.NoError(t, err)
		require.NoError(t, artmail.ForceFailRun(run))
		testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool {
			return approval(s, messages[0]).Status == workflows.ApprovalApproved &&
				approval(s, messages[1]).Status == workflows.ApprovalVoided &&
				approval(s, messages[2]).Status == workflows.ApprovalExpired
		})
		require.NoError(t, artmail.Deactivate(id, "admin_revoke"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
	"cancelled": func(t *testing.T) *signalbox.Activation {
		_, one := activate(t)
		stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: "m1", ReplyTo: startReceiver(t, "app/"+one.WorkflowID())})
		stories.Cancel(t, shared.Temporal, one.WorkflowID())
		require.Error(t, shared.Temporal.GetWorkflow(t.Context(), one.WorkflowID(), "").Get(t.Context(), nil))
		return one
	},
	"checked": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		// The first approval gets its answer from the check, the second one from a webhook while its check is repeated.
		queue := "checks/" + id
		var messages []string
		for range 2 {
			message, err := shared.Simulators.Artmail.RequestApproval(id, "May I?", "")
			require.NoError(t, err)
			messages = append(messages, message)
		}
		repeated := make(chan struct{}, 1)
		checker := sdkworker.New(shared.Temporal, queue, sdkworker.Options{})
		checker.RegisterActivityWithOptions(func(_ context.Context, p workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			if p.MessageID == messages[1] {
				select {
				case repeated <- struct{}{}:
				default:
				}
				return workflows.CheckApprovalResult{}, errors.New("artmail is away")
			}
			yes := true
			return workflows.CheckApprovalResult{Approved: &yes}, nil
		}, activity.RegisterOptions{Name: workflows.ActivityArtmailCheckApproval})
		require.NoError(t, checker.Start())
		t.Cleanup(checker.Stop)
		options := workflows.ActivationOptions{CheckApprovalQueue: queue}
		stories.Signal(t, shared.Temporal, one.WorkflowID(), workflows.SignalActivationOptions, options)
		deadline := time.Now().Add(time.Second)
		stories.RequestApprovals(t, one,
			workflows.ApprovalRequest{MessageID: messages[0], Deadline: deadline, ReplyTo: startReceiver(t, "app/"+messages[0])},
			workflows.ApprovalRequest{MessageID: messages[1], Deadline: deadline})
		testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool {
			return approval(s, messages[0]).Status == workflows.ApprovalApproved
		})
		select {
		case <-repeated:
		case <-t.Context().Done():
			require.FailNow(t, "the second approval was not checked")
		}
		_, err := shared.Simulators.Artmail.RespondApproval(messages[1], false, "No.", "")
		require.NoError(t, err)
		testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool {
			return approval(s, messages[1]).Status == workflows.ApprovalRejected
		})
		require.NoError(t, shared.Simulators.Artmail.Deactivate(id, "user_deactivated"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
	"told-options-and-resealed": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		options := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour), CheckApprovalQueue: "no-worker"}
		stories.Signal(t, shared.Temporal, one.WorkflowID(), workflows.SignalActivationOptions, options)
		state := testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Options == options.Normalized() })
		again, err := ring(t).Seal([]byte(stories.MustRetry(t, one.RevealAPIKey)), workflows.APIKeyContext(dev.Agent, id)...)
		require.NoError(t, err)
		stories.Update(t, shared.Temporal, one.WorkflowID(), workflows.UpdateResealAPIKey, workflows.ResealAPIKey{SealedAPIKey: again, Replaces: state.SealedAPIKey}, nil)
		stories.ContinueAsNew(t, shared.Temporal, one.WorkflowID())
		state = stories.MustRetry(t, one.State)
		require.Equal(t, again, state.SealedAPIKey)
		require.Equal(t, options.Normalized(), state.Options)
		require.NoError(t, shared.Simulators.Artmail.Deactivate(id, "user_deactivated"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
}

func activate(t *testing.T) (string, *signalbox.Activation) {
	t.Helper()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(dev.Agent, id)
	inActivationStatus(t, one, workflows.ActivationActive)
	return id, one
}

func inActivationStatus(t *testing.T, one *signalbox.Activation, want workflows.ActivationStatus) {
	t.Helper()
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Status == want })
}

// checkHistories replays the history of each run of the workflow; with -record it also writes them, a file for each.
func checkHistories(t *testing.T, packageName, name, workflowID string) {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "..", "workflows", packageName, "testdata", "histories")
	options := payloadtest.Options()
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: options.DataConverter, FailureConverter: options.FailureConverter, DisableDeadlockDetection: true,
	})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	replayer.RegisterWorkflowWithOptions(offloadfiles.Workflow, workflow.RegisterOptions{Name: workflows.OffloadFilesWorkflow})
	replayer.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	replayer.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	runID := ""
	for {
		history := stories.History(t, shared.Temporal, workflowID, runID)
		continued := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		file := name + ".json"
		if runID != "" { // reached from the run that followed
			file = name + "-first-run.json"
		}
		text, err := protojson.MarshalOptions{Multiline: true}.Marshal(history)
		require.NoError(t, err)
		if *record {
			host, err := os.Hostname()
			require.NoError(t, err)
			// Only where it is an identity or a sticky queue: a payload may hold the same letters.
			text = bytes.ReplaceAll(text, []byte("@"+host+"@"), []byte("@host@"))
			text = bytes.ReplaceAll(text, []byte(`"`+host+":"), []byte(`"host:`))
			require.NoError(t, os.MkdirAll(folder, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), append(text, '\n'), 0o644))
		}
		// Last, since replaying writes into the history that it is given.
		original := sdkworker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflowID, RunID: runID}}
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(logging.ForTemporal(zap.NewNop()), history, original), "run %s", runID)
		if runID = continued; runID == "" {
			return
		}
	}
}
