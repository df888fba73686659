package dev_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// unavailable is the exit status of a command that had no answer in its time.
const unavailable = 6

// run runs the production binary with the settings of the shared instance, and again where a busy machine did not answer in time.
func run(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	status, said, _ = runCounted(t, args...)
	return status, said
}

// runCounted is run, and returns how often the binary ran: what an earlier try has done, the last one does not report.
func runCounted(t *testing.T, args ...string) (status int, said string, tries int) {
	t.Helper()
	testenv.Eventually(t, func(context.Context) (int, error) {
		tries++
		status, said = runOnce(t, args...)
		return status, nil
	}, func(status int) bool { return status != unavailable })
	return status, said, tries
}

func runOnce(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	one := exec.CommandContext(t.Context(), productionBinary(t), args...)
	testenv.KillWithParent(one)
	one.Env = []string{
		"HOME=" + t.TempDir(), "TEMPORAL_ADDRESS=" + shared.TemporalAddress(),
		"SIGNALBOX_INBOX=" + filepath.Join(shared.folder, "inbox.db"), "SIGNALBOX_KEYRING=" + filepath.Join(shared.folder, "keyring.json"),
		"SIGNALBOX_BUCKET=file://" + filepath.ToSlash(filepath.Join(shared.folder, "files")),
	}
	if payloadtest.Keys() != nil {
		one.Env = append(one.Env, "SIGNALBOX_PAYLOAD_KEYS="+filepath.Join(shared.folder, "payload-keys.json"))
	}
	output, err := one.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return one.ProcessState.ExitCode(), string(output)
}

func TestAnErasedCaseLeavesNothingOfThePerson(t *testing.T) {
	t.Parallel()
	const reference, words = "erased-case", "quillfeather"
	offload := shared.Simulators.Offload
	start := workflows.CaseStart{
		// It never runs, so that its notices wait.
		Reference: reference, ReplyTo: &workflows.ReplyTo{WorkflowID: "app/never-started", Signal: "news"},
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Ask Perpetua Quillfeather: " + words},
			Counterparty:  workflows.Counterparty{Address: "manual@" + words + ".example", Name: words},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	}
	one := stories.StartCase(t, shared.Apps, start)
	require.True(t, stories.StartCase(t, shared.Apps, start).Attached(), "a repeated start leaves nothing either")
	caseID := inStatus(t, one, workflows.CaseRunning).CaseID
	require.NoError(t, offload.SendFirstMessage(caseID))
	_, err := offload.ReceiveAttachment(caseID, words+".txt", "text/plain", []byte(words+" sends this"))
	require.NoError(t, err)
	question, err := offload.AskInput(caseID, "May "+words+" pay later?")
	require.NoError(t, err)
	inStatus(t, one, workflows.CaseInputNeeded)
	webhook, err := shared.Apps.WebhookURL(reference)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, post(t, webhook, `{"data":"`+words+`"}`), "it is dead")

	// The case shows its question before it has handed off the notice.
	testenv.Eventually(t, func(ctx context.Context) (workflows.NotifyState, error) {
		return shared.Apps.Notices(ctx, one.WorkflowID())
	}, func(s workflows.NotifyState) bool { return len(s.Notices) > 0 })
	status, said := run(t, "case", "erase", reference)
	require.Equal(t, 4, status, said)
	require.Contains(t, said, "still open")
	require.Regexp(t, `[1-9] waits? to be delivered`, said)

	require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: question, Text: "Not " + words, By: "ada"}))
	require.NoError(t, offload.Complete(caseID, map[string]any{"payer": words}))
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)
	stories.MustRetry(t, one.Files)
	status, said = run(t, "case", "erase", reference)
	require.Equal(t, 4, status, "its notices wait: %s", said)

	// What is looked for is there before, or the search would prove nothing.
	requireReadable(t, words)
	require.NotEmpty(t, inFiles(t, "files", words))
	require.NotEmpty(t, inFiles(t, "files", reference))
	require.NotEmpty(t, append(inFiles(t, "inbox.db", reference), inFiles(t, "inbox.db-wal", reference)...))
	require.GreaterOrEqual(t, deliveriesOf(t, one.WorkflowID()), 3)

	runs := runsOf(t, one.WorkflowID(), workflows.OffloadFilesWorkflowID(reference), workflows.NotifyWorkflowID(one.WorkflowID()))
	// A reset run shares events with the run before. It is open.
	reset := &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: stories.Describe(t, shared.Temporal, one.WorkflowID()).GetWorkflowExecutionInfo().GetExecution(),
		Reason: "test", RequestId: reference, WorkflowTaskFinishEventId: 4,
		ResetReapplyExcludeTypes: []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL},
	}
	stories.MustRetry(t, func(ctx context.Context) (*workflowservice.ResetWorkflowExecutionResponse, error) {
		return shared.Temporal.ResetWorkflowExecution(ctx, reset)
	})

	status, said, tries := runCounted(t, "case", "erase", reference, "--force", "--json", "--by", "ada")
	require.Zero(t, status, said)
	var done struct {
		Record  string
		Inbox   struct{ Deliveries, Unreadable int }
		Objects int
		Runs    int
	}
	require.NoError(t, json.Unmarshal([]byte(said), &done), said)
	require.Equal(t, inbox.ErasedSubject(one.WorkflowID()), done.Record)
	if tries == 1 {
		require.GreaterOrEqual(t, done.Inbox.Deliveries, 3)
		require.Equal(t, 1, done.Objects)
		require.Equal(t, 4, done.Runs, "two of the case, its files and its notices")
	}

	requireNothing(t, words, reference, runs)
	require.Zero(t, deliveriesOf(t, one.WorkflowID()))
	status, said = run(t, "case", "show", reference)
	require.Equal(t, 3, status, said)
	status, said = run(t, "inbox", "audit")
	require.Zero(t, status, said)
	require.Regexp(t, ` ada +erase +`+regexp.QuoteMeta(done.Record), said)
	require.NotContains(t, said, reference)

	// It may be repeated. A repetition of a webhook is known; a new one is unmatched, as for any case that is not there.
	status, said = run(t, "case", "erase", reference)
	require.Zero(t, status, said)
	require.Contains(t, said, "0 deliveries")
	status, said = run(t, "case", "erase", reference+"-not")
	require.Equal(t, 3, status, said)
	require.Contains(t, said, "nothing of it was found")
	require.Equal(t, http.StatusNoContent, post(t, webhook, `{"data":"`+words+`"}`))
	require.Equal(t, http.StatusNoContent, post(t, webhook, `{"event_type":"case.failed","data":{"caseId":"another"}}`))
	before, err := offload.Case(caseID)
	require.NoError(t, err)
	require.NoError(t, offload.SendWebhook(caseID, workflows.KindCaseCompleted, nil))
	testenv.Eventually(t, func(context.Context) (offloadsim.Record, error) { return offload.Case(caseID) }, func(r offloadsim.Record) bool {
		return len(r.Webhooks) > len(before.Webhooks) && r.Webhooks[len(r.Webhooks)-1].Delivered()
	})
	require.Equal(t, 2, deliveriesOf(t, one.WorkflowID()), "the new one, and the dead one, which has no ID to be known by")

	// The new one waits for a workflow. The next case of the reference is not its workflow.
	store := openInbox(t, shared.folder)
	inState := func(state inbox.State, reason string) {
		t.Helper()
		testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) {
			return store.List(ctx, inbox.Filter{Lane: one.WorkflowID(), Kind: workflows.KindCaseFailed, States: []inbox.State{state}})
		}, func(p inbox.Page) bool {
			return len(p.Deliveries) == 1 && strings.Contains(p.Deliveries[0].Reason, reason)
		})
	}
	inState(inbox.StatePending, "no such workflow")
	start.ReplyTo, start.Request.Goal.Objective = nil, "Ask another person"
	start.Request.Counterparty = workflows.Counterparty{Address: "manual@else.example", Name: "Else"}
	next := stories.StartCase(t, shared.Apps, start)
	require.False(t, next.Attached())
	inState(inbox.StateLate, "an earlier case of the reference was erased")
	require.Empty(t, inStatus(t, next, workflows.CaseRunning).Attention)
}

func TestAnErasedActivationLeavesNothingOfThePersonAndDoesNotComeBack(t *testing.T) {
	t.Parallel()
	const words = "bumblethwaite"
	artmail := shared.Simulators.Artmail
	id, err := artmail.Activate(dev.Agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(dev.Agent, id)
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })
	stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: "erased-1", Subject: "May " + words + " pay?"})
	agent := shared.IngressURL() + "/webhooks/artmail/" + dev.Agent
	require.Equal(t, http.StatusUnauthorized, post(t, agent, artmailEvent(workflows.KindAgentActivated, id, 1, `,"user":"`+words+`"`)), "it is quarantined")
	approval := artmailEvent(workflows.KindApprovalResponse, id, time.Now().UnixMilli(), `,"messageId":"r1","inResponseToId":"erased-1","approved":true,"reason":"`+words+`"`)
	require.Equal(t, http.StatusNoContent, postArtmail(t, shared.IngressURL(), approval))
	store := openInbox(t, shared.folder)
	testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) {
		return store.List(ctx, inbox.Filter{States: []inbox.State{inbox.StateQuarantined}})
	}, func(p inbox.Page) bool { return len(p.Deliveries) > 0 })
	requireReadable(t, words)

	status, said := run(t, "activation", "erase", dev.Agent, id)
	require.Equal(t, 4, status, said)
	runs := runsOf(t, one.WorkflowID(), workflows.NotifyWorkflowID(one.WorkflowID()))
	status, said = run(t, "activation", "erase", dev.Agent, id, "--force", "--by", "ada")
	require.Zero(t, status, said)
	require.Regexp(t, "hand-over workflow +not searched", said)
	requireNothing(t, words, "", runs)
	require.Zero(t, deliveriesOf(t, one.WorkflowID()))

	// Artmail goes on, and even sends the key again.
	require.NoError(t, artmail.Pause(id, "user_paused"))
	late := testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) {
		return store.List(ctx, inbox.Filter{Lane: one.WorkflowID()})
	}, func(p inbox.Page) bool { return len(p.Deliveries) > 0 && p.Deliveries[0].State != inbox.StatePending })
	require.Equal(t, inbox.StateLate, late.Deliveries[0].State)
	require.Equal(t, http.StatusNoContent, postArtmail(t, shared.IngressURL(), approval), "a repetition")
	page, err := store.List(t.Context(), inbox.Filter{Lane: one.WorkflowID()})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, len(late.Deliveries))
	requireNonePending(t, inbox.Filter{Lane: one.WorkflowID()})
	_, err = stories.Retry(t.Context(), func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return shared.Temporal.DescribeWorkflowExecution(ctx, one.WorkflowID(), "")
	})
	require.ErrorAs(t, err, new(*serviceerror.NotFound), "it was not started again")
}

// requireNonePending waits until no delivery of the filter is pending.
func requireNonePending(t *testing.T, of inbox.Filter) {
	t.Helper()
	of.States = []inbox.State{inbox.StatePending}
	store := openInbox(t, shared.folder)
	testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) { return store.List(ctx, of) },
		func(p inbox.Page) bool { return len(p.Deliveries) == 0 })
}

func openInbox(t *testing.T, folder string) inbox.Store {
	t.Helper()
	store, err := storage.OpenExisting(t.Context(), filepath.Join(folder, "inbox.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// deliveriesOf is how many deliveries a lane has.
func deliveriesOf(t *testing.T, lane string) int {
	t.Helper()
	page, err := openInbox(t, shared.folder).List(t.Context(), inbox.Filter{Lane: lane, Limit: inbox.MaxPage})
	require.NoError(t, err)
	return len(page.Deliveries)
}

// requireNothing looks for a person's words everywhere, and for the reference, where it is given, in what is Signalbox's own: Temporal's queues
// name a workflow until what was planned for it is due. runs are those that were erased.
func requireNothing(t *testing.T, words, reference string, runs []string) {
	t.Helper()
	// Temporal deletes histories after it has answered. On a busy machine it may fail to delete the events of a run, its last step: that its
	// scavenger makes good. Events of any other run are a fault of the erasure, or of a start.
	testenv.Eventually(t, func(ctx context.Context) (found leftovers, err error) {
		found = leftovers{Columns: inTables(t, words), Events: inHistories(t, words)}
		if found.areOf(runs) {
			err = scavenge(ctx)
		}
		return found, err
	}, func(found leftovers) bool { return len(found.Columns) == 0 })
	for _, text := range []string{words, reference} {
		if text == "" {
			continue
		}
		for _, place := range []string{"inbox.db", "inbox.db-wal", "files"} {
			require.Empty(t, inFiles(t, place, text), "%s holds %s", place, text)
		}
	}
	require.NotContains(t, strings.ToLower(shared.log.String()), words)
	require.NotContains(t, string(get(t, shared.InternalURL()+"/metrics")), words)
}

// readFromOutside reads a file in another process. In this one, closing a database's file would drop the locks that the instance holds on it, and a
// command of the same inbox would then remove its log.
func readFromOutside(t *testing.T, path string) ([]byte, error) {
	t.Helper()
	content, err := exec.CommandContext(t.Context(), "cat", path).Output()
	if err != nil {
		_, err = os.Lstat(path) // it may have vanished
	}
	return content, err
}

// inFiles are the files of the data folder that hold a text, or have it in their name.
func inFiles(t *testing.T, place, text string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Join(shared.folder, place), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreVanished(err)
		}
		var content []byte
		if entry.Type().IsRegular() {
			content, err = readFromOutside(t, path)
		}
		if strings.Contains(entry.Name(), text) || holds(content, text) {
			found = append(found, path)
		}
		return ignoreVanished(err)
	}))
	return found
}
