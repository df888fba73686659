package sealtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestNothingIsReadableInTemporalsDatabase(t *testing.T) {
	t.Parallel()
	playedStories(t)
	for file, content := range filesOf(t, shared.folder, "temporal.db*") {
		for _, text := range planted {
			require.False(t, bytes.Contains(content, []byte(text)), "%s shows %q", file, text)
		}
	}
}

// The control test: without encryption, such texts are found in the database, so the other tests would find them too.
func TestWithoutEncryptionTheTextsAreReadable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	plain, err := dev.Start(t.Context(), dev.Options{
		Data: folder, Listen: anyPort, Temporal: anyPort, Simulators: anyPort, Pace: 20 * time.Millisecond, DynamicConfig: impatient, Log: zap.NewNop(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plain.Stop()) })
	stories.Attend(t.Context(), plain.Apps, plain.Simulators.Offload)
	one := stories.StartCase(t, plain.Apps, workflows.CaseStart{Reference: "plain", Request: &workflows.CaseRequest{
		Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "zebra.objective"},
		Counterparty: workflows.Counterparty{Address: "reject@vendor.example", Name: "zebra.counterparty"}, SenderPersona: workflows.SenderPersona{Name: "zebra.persona"},
	}})
	_, err = testenv.Within(t, one.Wait)
	require.NoError(t, err)
	// A file that is read while Temporal writes it may be torn.
	testenv.Eventually(t, func(context.Context) (missing []string, err error) {
		var all []byte
		for _, content := range filesOf(t, folder, "temporal.db*") {
			all = append(all, content...)
		}
		for _, text := range []string{"zebra.objective", "zebra.counterparty", "vendor.example", "The counterparty declined to help", "Offload case "} {
			if !bytes.Contains(all, []byte(text)) {
				missing = append(missing, text)
			}
		}
		return missing, nil
	}, func(missing []string) bool { return len(missing) == 0 })
}

// history returns the events of a workflow's current run.
func history(t *testing.T, workflowID string) *workflowservice.GetWorkflowExecutionHistoryResponse {
	t.Helper()
	response := stories.MustRetry(t, func(ctx context.Context) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		return shared.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID}, MaximumPageSize: 1000,
		})
	})
	require.Empty(t, response.GetNextPageToken())
	return response
}

func TestNothingIsReadableInAnExportedHistoryAndEverythingThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	p := playedStories(t)
	decoded := ""
	for _, id := range []string{p.answered, p.attached, p.rejected, p.refused, p.cancelled, p.activation, workflows.OffloadFilesWorkflowID("attached")} {
		exported := history(t, id)
		text, err := protojson.Marshal(exported)
		require.NoError(t, err)
		for _, secret := range planted {
			for _, spelling := range stories.Spellings(secret) {
				require.NotContains(t, string(text), spelling, "%s: %s", id, secret)
			}
		}
		payloads := 0
		require.NoError(t, proxy.VisitPayloads(t.Context(), exported, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, found []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, one := range found {
					payloads++
					_, encrypted := payloadcodec.KeyID(one)
					require.True(t, encrypted, "%s: %s", id, one)
				}
				opened := decode(t, found)
				for _, one := range opened {
					decoded += string(one.GetData()) + "\n"
				}
				return opened, nil
			},
		}))
		require.Positive(t, payloads, id)
	}
	for _, text := range planted {
		require.True(t, strings.Contains(decoded, text), text)
	}
}

// decode decrypts payloads by the codec server, as the Web UI and Temporal's command line do.
func decode(t *testing.T, payloads []*commonpb.Payload) []*commonpb.Payload {
	t.Helper()
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.InternalURL()+"/codec/decode", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, string(answer))
	var opened commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(answer, &opened))
	return opened.GetPayloads()
}

// Temporal stores some fields of a workflow unencrypted, such as IDs and search attributes. They must hold nothing personal.
func TestUnencryptedFieldsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	playedStories(t)
	// ENCRYPTION.md lists what is never encrypted: a new search attribute has to be added there.
	named := map[string]bool{
		workflows.SearchAttributeState: true, workflows.SearchAttributeAttention: true, workflows.SearchAttributeCaseID: true,
		workflows.SearchAttributeAccount: true, workflows.SearchAttributeDueAt: true,
	}
	attributesOf := func(l *workflowservice.ListWorkflowExecutionsResponse) map[string]bool {
		attributes := map[string]bool{}
		for _, execution := range l.GetExecutions() {
			for name := range execution.GetSearchAttributes().GetIndexedFields() {
				attributes[name] = true
			}
		}
		delete(attributes, "BuildIds")
		delete(attributes, "TemporalChangeVersion")
		return attributes
	}
	// Lists show a change a moment later.
	listed := testenv.Eventually(t, func(ctx context.Context) (*workflowservice.ListWorkflowExecutionsResponse, error) {
		return shared.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{})
	}, func(l *workflowservice.ListWorkflowExecutionsResponse) bool {
		return len(l.GetExecutions()) >= 8 && len(attributesOf(l)) >= len(named)
	})
	require.Equal(t, named, attributesOf(listed))
	for _, execution := range listed.GetExecutions() {
		for name, memo := range execution.GetMemo().GetFields() {
			_, encrypted := payloadcodec.KeyID(memo)
			require.True(t, encrypted, "memo %s", name)
		}
		text, err := protojson.Marshal(execution)
		require.NoError(t, err)
		for _, secret := range planted {
			for _, spelling := range stories.Spellings(secret) {
				require.NotContains(t, string(text), spelling, secret)
			}
		}
	}
}

// Encrypting a request twice gives different bytes. Even so, starting it again attaches to the case, and a different request is a conflict.
func TestARepeatedStartAttachesAndADifferentOneConflicts(t *testing.T) {
	t.Parallel()
	start := workflows.CaseStart{Reference: "twice", CaseID: "no-such-case"}
	stories.StartCase(t, shared.Apps, start)
	require.True(t, stories.StartCase(t, shared.Apps, start).Attached())
	start.Options.ConfirmEnd = true
	_, err := stories.Start(t.Context(), shared.Apps, start)
	require.ErrorIs(t, err, signalbox.ErrConflict)
}

// The two queries by which people read a running workflow: its state, and the details in the Web UI.
func TestQueryResultsAreEncrypted(t *testing.T) {
	t.Parallel()
	p := playedStories(t)
	for _, query := range []string{workflows.QueryState, "__temporal_workflow_metadata"} {
		response := stories.MustRetry(t, func(ctx context.Context) (*workflowservice.QueryWorkflowResponse, error) {
			return shared.Temporal.WorkflowService().QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
				Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: p.silent},
				Query:                &querypb.WorkflowQuery{QueryType: query},
				QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NONE,
			})
		})
		for _, payload := range response.GetQueryResult().GetPayloads() {
			_, encrypted := payloadcodec.KeyID(payload)
			require.True(t, encrypted, query)
		}
		opened := decode(t, response.GetQueryResult().GetPayloads())
		require.True(t, json.Valid(opened[0].GetData()), query)
	}
}
