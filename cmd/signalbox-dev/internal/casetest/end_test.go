package casetest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// said is the account of the cases that end with each resultStatus.
const said = "said"

// unheardOf is a resultStatus that is not documented; the string is open.
const unheardOf = "lost_in_the_post"

func TestACaseEndsAsOffloadSaysByWebhookOrPolling(t *testing.T) {
	t.Parallel()
	offload := shared.providers[said]
	for _, status := range []string{
		offloadsim.ResultGoalAchieved, offloadsim.ResultMaxRetries, offloadsim.ResultFailedRejected, offloadsim.ResultBounced,
		offloadsim.ResultComplained, offloadsim.ResultRejected, unheardOf,
	} {
		for _, source := range []workflows.NewsSource{workflows.NewsByWebhook, workflows.NewsByPoll} {
			name := status + "-by-" + string(source)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				start := workflows.CaseStart{Reference: name, Account: said, Request: request(offloadsim.ScriptManual)}
				start.Request.Metadata = json.RawMessage(`{"order":7}`)
				if source == workflows.NewsByPoll {
					start.Options = soon
				}
				one, caseID := startRunning(t, offload, start)
				if source == workflows.NewsByPoll {
					require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID, Times: -1}))
				}
				want, end := workflows.CaseFailed, func() error { return offload.Fail(caseID, status, "They said no.") }
				if status == offloadsim.ResultGoalAchieved {
					want, end = workflows.CaseCompleted, func() error { return offload.Complete(caseID, map[string]any{"w9": "signed"}) }
				}
				require.NoError(t, end())

				got := endsAs(t, one, want, caseID)
				require.Equal(t, status, got.ResultStatus)
				require.Equal(t, source, got.Source)
				require.Empty(t, got.Attention)
				failed, heard := want == workflows.CaseFailed, source == workflows.NewsByWebhook
				if !failed {
					require.JSONEq(t, `{"w9":"signed"}`, string(got.Facts.Result))
				}
				require.JSONEq(t, `{"order":7}`, string(got.Facts.Metadata), "the app itself sent it")
				require.Equal(t, failed && heard, got.Facts.FailureReason != nil)
				if failed && !heard {
					require.Equal(t, []string{"failureReason"}, got.Unknown, "only a webhook tells it")
				} else {
					require.Empty(t, got.Unknown)
				}
			})
		}
	}
}

// soon lets polling begin at once, and go on quickly.
var soon = workflows.CaseOptions{
	ReconcileAfter: workflows.Duration(200 * time.Millisecond),
	PollFloor:      workflows.Duration(100 * time.Millisecond),
	PollCeiling:    workflows.Duration(time.Second),
}

// startRunning starts the case and returns it with its ID once Offload has sent the first message.
func startRunning(t *testing.T, offload *provider, start workflows.CaseStart) (one *signalbox.Case, caseID string) {
	t.Helper()
	one = stories.StartCase(t, shared.Apps, start)
	caseID = testenv.Eventually(t, stories.Attended(offload, one), isRunning).CaseID
	require.NoError(t, offload.SendFirstMessage(caseID))
	return one, caseID
}

// startBeforeItsDeadline starts cases until one runs well before its deadline. On a slow machine that is one of those with more time.
func startBeforeItsDeadline(t *testing.T, offload *provider, start workflows.CaseStart) (one *signalbox.Case, caseID string, deadline time.Time) {
	t.Helper()
	for within := 15 * time.Second; within < waitTimeout; within *= 3 {
		start.Options.Deadline = time.Now().Add(within)
		one := stories.StartCase(t, shared.Apps, start)
		stands := testenv.Eventually(t, stories.Attended(offload, one), func(s workflows.CaseState) bool {
			return s.Status == workflows.CaseRunning || s.Status == workflows.CaseExpired
		})
		if stands.Status == workflows.CaseRunning && time.Until(start.Options.Deadline) > within/3 {
			require.NoError(t, offload.SendFirstMessage(stands.CaseID))
			return one, stands.CaseID, start.Options.Deadline
		}
		start.Reference += "-again"
	}
	t.Fatal("no case runs before its deadline")
	return nil, "", deadline
}

func ending(name string) string { return "ending-" + name }

// endings are the ways in which a case ends that Offload doesn't simply end by a webhook.
var endings = map[string]func(t *testing.T, offload *provider, start workflows.CaseStart){
	"the-deadline-passes": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID, _ := startBeforeItsDeadline(t, offload, start)
		got := endsAs(t, one, workflows.CaseExpired, caseID)
		require.Equal(t, workflows.NewsByClock, got.Source)
		require.Equal(t, []string{workflows.AttentionStillRunning}, got.Attention)
		looksAt(t, offload, caseID, 1)
	},
	"the-last-look-finds-the-end": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID, deadline := startBeforeItsDeadline(t, offload, start)
		require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
		require.NoError(t, offload.Complete(caseID, nil))
		for time.Now().After(deadline) { // on a slow machine the end may come too late
			start.Reference += "-earlier"
			one, caseID, deadline = startBeforeItsDeadline(t, offload, start)
			require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
			require.NoError(t, offload.Complete(caseID, nil))
		}
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, workflows.NewsByPoll, got.Source)
		require.Empty(t, got.Attention)
		looksAt(t, offload, caseID, 1)
	},
	"it-is-cancelled": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID := startRunning(t, offload, start)
		require.NoError(t, stories.CancelCase(t.Context(), one, workflows.CancelCase{Reason: "paid", By: "ada"}))
		got := endsAs(t, one, workflows.CaseCancelled, caseID)
		require.Equal(t, "cancelled by ada: paid", got.Reason)
		require.Equal(t, []string{workflows.AttentionStillRunning}, got.Attention)
		_, err := stories.Retry(t.Context(), func(ctx context.Context) (workflows.CaseReceipt, error) {
			return one.Cancel(ctx, workflows.CancelCase{})
		})
		require.ErrorIs(t, err, signalbox.ErrEnded)
	},
	"it-is-cancelled-in-temporal": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID := startRunning(t, offload, start)
		stories.Cancel(t, shared.Temporal, one.WorkflowID())
		got := endsAs(t, one, workflows.CaseCancelled, caseID)
		require.Contains(t, got.Reason, "cancelled in Temporal")
		require.Equal(t, []string{workflows.AttentionStillRunning}, got.Attention)
	},
	"it-is-confirmed": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Options.ConfirmEnd = true
		one, caseID := startRunning(t, offload, start)
		require.NoError(t, offload.SendWebhook(caseID, offloadsim.EventCompleted, map[string]any{"status": "COMPLETED"}))
		looksAt(t, offload, caseID, 1)
		require.Equal(t, workflows.CaseRunning, testenv.Eventually(t, one.State, applied(1)).Status, "Offload doesn't agree")
		require.NoError(t, offload.Complete(caseID, nil))
		require.Equal(t, workflows.NewsByWebhook, endsAs(t, one, workflows.CaseCompleted, caseID).Source)
	},
	"its-event-has-no-time": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		offload.SetUndocumented(offloadsim.Undocumented{OmitTimestamp: true, OmitEventID: true})
		one, caseID := startRunning(t, offload, start)
		require.NoError(t, offload.Fail(caseID, offloadsim.ResultBounced, "mailbox full"))
		got := endsAs(t, one, workflows.CaseFailed, caseID)
		require.Equal(t, workflows.NewsByWebhook, got.Source)
		require.Equal(t, "mailbox full", *got.Facts.FailureReason)
		looksAt(t, offload, caseID, 1)
	},
	"by-the-shared-route": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		caseID := createElsewhere(t, offload, shared.IngressURL()+"/webhooks/offload-shared/"+sharedSecret)
		one := stories.StartCase(t, shared.Apps, workflows.CaseStart{Reference: start.Reference, Account: start.Account, CaseID: caseID})
		looksAt(t, offload, caseID, 1)
		require.NoError(t, offload.SendFirstMessage(caseID))
		// The shared secret proves no case, so an end counts only after a read confirms it.
		require.NoError(t, offload.SendWebhook(caseID, offloadsim.EventFailed, map[string]any{"status": "FAILED", "resultStatus": "BOUNCED"}))
		looksAt(t, offload, caseID, 2)
		require.Equal(t, workflows.CaseRunning, testenv.Eventually(t, one.State, applied(1)).Status)
		require.NoError(t, offload.Complete(caseID, map[string]any{"w9": "signed"}))
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, workflows.NewsByWebhook, got.Source)
		require.Empty(t, got.Attention)
	},
	"with-a-result-off-its-schema": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Request.ResultSchema = json.RawMessage(`{"properties":{"amount":{"type":"number"}},"required":["amount"]}`)
		start.ReplyTo = receiverOf(start.Reference)
		told := startReceiver(t, shared.Temporal, start.Reference, 1)
		one, caseID := startRunning(t, offload, start)
		require.NoError(t, offload.Complete(caseID, map[string]any{"amount": "about 4711"}))
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, []workflows.SchemaViolation{{At: "/amount", Reason: "it is of type string, want number"}}, got.ResultCheck.Violations)
		require.Equal(t, []string{workflows.AttentionResultOffSchema}, got.Attention)
		sameOutcome(t, got, *told()[0].Data.Outcome)
	},
	"with-an-unusable-schema-of-another-client": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Request.ResultSchema = json.RawMessage(`{"$ref":"https://schemas.example/invoice.json"}`)
		_, err := shared.Apps.StartCase(t.Context(), start)
		require.ErrorIs(t, err, signalbox.ErrInvalid)
		require.ErrorContains(t, err, "request.resultSchema")
		stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{
			ID: workflows.OffloadCaseWorkflowID(start.Reference), TaskQueue: workflows.TaskQueueWorkflows,
		}, workflows.OffloadCaseWorkflow, start)
		one := shared.Apps.Case(start.Reference)
		caseID := testenv.Eventually(t, stories.Attended(offload, one), isRunning).CaseID
		require.NoError(t, offload.SendFirstMessage(caseID))
		require.NoError(t, offload.Complete(caseID, nil))
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, workflows.ResultSchemaUnusable, got.ResultCheck.Verdict)
		require.Contains(t, got.ResultCheck.Reason, "nothing is fetched")
		require.Empty(t, got.Attention)
	},
	"with-a-result-that-no-signal-carries": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Request.ResultSchema = json.RawMessage(`{"required":["amount"]}`)
		one, caseID := startRunning(t, offload, start)
		result := largeResult(600 << 10) // below the ingress's cap
		require.NoError(t, offload.Complete(caseID, result))
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, workflows.ResultUnchecked, got.ResultCheck.Verdict)
		require.Equal(t, workflows.NewsByWebhook, got.Source)
		storedResult(t, got, result)
	},
	"with-a-result-that-no-webhook-and-no-history-carries": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Options = soon
		one, caseID := startRunning(t, offload, start)
		result := largeResult(5 << 20)
		require.NoError(t, offload.Complete(caseID, result)) // its webhook is refused with 413, and never sent again
		got := endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Equal(t, workflows.NewsByPoll, got.Source)
		storedResult(t, got, result)
	},
}

func TestACaseEndsInEveryOtherWay(t *testing.T) {
	t.Parallel()
	for name, story := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, shared.providers[ending(name)], workflows.CaseStart{
				Reference: ending(name), Account: ending(name), Request: request(offloadsim.ScriptManual),
			})
		})
	}
}

func applied(events int) func(workflows.CaseState) bool {
	return func(s workflows.CaseState) bool {
		return s.EventsApplied >= events && !strings.Contains(s.WaitingFor, "being confirmed")
	}
}

// looksAt waits until the case was read so often.
func looksAt(t *testing.T, offload *provider, caseID string, times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		record, err := offload.Case(caseID)
		return err == nil && record.Reads >= times
	}, waitTimeout, 20*time.Millisecond)
}

// createElsewhere creates a case as an app does that doesn't use Signalbox for it.
func createElsewhere(t *testing.T, offload *provider, webhookURL string) string {
	t.Helper()
	body, err := json.Marshal(struct {
		*workflows.CaseRequest
		ClientWebhookURL string `json:"clientWebhookUrl"`
	}{request(offloadsim.ScriptManual), webhookURL})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, offload.url+"/cases", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", apiKey)
	response, err := (&http.Client{Timeout: waitTimeout}).Do(r)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	var created struct{ Data struct{ CaseID string } }
	require.NoError(t, json.Unmarshal(answer, &created), string(answer))
	return created.Data.CaseID
}

func largeResult(bytes int) map[string]any {
	lines := make([]string, bytes>>10)
	for i := range lines {
		lines[i] = fmt.Sprintf("%08d", i) + strings.Repeat("x", 1013)
	}
	return map[string]any{"lines": lines}
}

// storedResult: the outcome refers to the result in the bucket, where it is whole.
func storedResult(t *testing.T, got workflows.CaseOutcome, want map[string]any) {
	t.Helper()
	require.Empty(t, got.Attention)
	require.Empty(t, got.Facts.Result)
	require.Equal(t, workflows.ResultStored, got.ResultIs)
	files := stories.MustRetry(t, shared.Apps.Case(got.Reference).Files)
	require.NotNil(t, files.Result)
	content, err := os.ReadFile(filepath.Join(shared.folder, "files", filepath.FromSlash(files.Result.Key)))
	require.NoError(t, err)
	wanted, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(wanted), string(content))
	sum := sha256.Sum256(content)
	require.Equal(t, hex.EncodeToString(sum[:]), files.Result.SHA256)
}
