package notice_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/workflows"
)

// document returns the OpenAPI document. Its section "webhooks" describes the requests to receivers. Here its schemas forbid additional fields,
// although receivers must accept them.
func document(t *testing.T) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "ingress", "api", "openapi.yaml"))
	require.NoError(t, err)
	var parsed map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &parsed))
	raw, err = json.Marshal(parsed)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	closeObjects(value)
	return value.(map[string]any)
}

func closeObjects(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			closeObjects(inner)
		}
		if _, lists := v["properties"].(map[string]any); lists && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

func TestAPostMatchesTheAPIDocument(t *testing.T) {
	t.Parallel()
	parsed := document(t)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("urn:document", parsed))
	const receive = "/webhooks/notice/post"
	schema, err := compiler.Compile("urn:document#" + receive + "/requestBody/content/application~1json/schema")
	require.NoError(t, err)
	parameters := parsed["webhooks"].(map[string]any)["notice"].(map[string]any)["post"].(map[string]any)["parameters"].([]any)
	kinds := parsed["components"].(map[string]any)["schemas"].(map[string]any)["NoticeKind"].(map[string]any)["enum"].([]any)

	sent := noticesOfEachKind()
	var posted []any
	for _, n := range sent {
		var body []byte
		var header http.Header
		_, err := postNotice(t, n, func(w http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			header = r.Header
			w.WriteHeader(http.StatusNoContent)
		})
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(value), "%s", body)
		for _, p := range parameters {
			require.NotEmpty(t, header.Get(p.(map[string]any)["name"].(string)))
		}
		posted = append(posted, string(n.Kind))
	}
	require.ElementsMatch(t, kinds, posted, "exactly the kinds of the document are posted")

	for _, field := range []string{"id", "kind", "source", "data"} {
		require.Error(t, schema.Validate(without(t, sent[0], field)), field)
	}
}

// without returns the JSON of a notice without one field.
func without(t *testing.T, n workflows.Notice, field string) any {
	t.Helper()
	raw, err := json.Marshal(n)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	delete(value.(map[string]any), field)
	return value
}

// noticesOfEachKind returns notices with all fields set.
func noticesOfEachKind() []workflows.Notice {
	at := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	question := &workflows.Question{ID: "q1", Text: "A PDF?", Status: "PENDING", RequestedAt: at}
	facts := workflows.CaseFacts{
		CaseID: "c1", ClientReferenceID: "vendor_2048", Status: "COMPLETED", Channel: "EMAIL", AttemptCount: 2, ResultStatus: "SUCCESS", Question: question,
		Attachments: []workflows.Attachment{{ID: "a1", Name: "w9.pdf", Size: 7, Type: "application/pdf", MessageID: "m1", InboxID: "i1", ReceivedAt: at}},
		Result:      json.RawMessage(`{"signed":true}`), Metadata: json.RawMessage(`{"order":2048}`), Omitted: []string{"metadata"}, CreatedAt: at, UpdatedAt: at, NextActionAt: at,
	}
	outcome := func(status workflows.CaseStatus) workflows.NoticeData {
		return workflows.NoticeData{Outcome: &workflows.CaseOutcome{
			Reference: "vendor_2048", Account: "default", CaseID: "c1", Status: status, ResultStatus: "SUCCESS", Reason: "done", Facts: facts, ResultIs: workflows.ResultInline,
			ResultCheck: &workflows.ResultCheck{
				Verdict: workflows.ResultOffSchema, Violations: []workflows.SchemaViolation{{At: "/signed", Reason: "want string"}}, More: 1,
			},
			FilesWorkflowID: "offload-files/c1", Unknown: []string{"attachments"}, Source: workflows.NewsByWebhook, EndedAt: at,
			Attention: []string{workflows.AttentionResultOffSchema}, Answers: []workflows.Answer{{QuestionID: "q1", Text: "yes", By: "ann", GivenAt: at}},
		}}
	}
	approval := workflows.NoticeData{Approval: &workflows.Approval{
		ApprovalRequest: workflows.ApprovalRequest{
			MessageID: "m1", RunID: "r1", Deadline: at, Subject: "Offer", ReplyTo: &workflows.ReplyTo{WorkflowID: "app", Signal: "news"}, Notify: []string{"finance"},
		},
		Status: workflows.ApprovalApproved, RequestedAt: at, ClosedAt: at, Reason: "fine", ResponseMessageID: "m2", Source: workflows.NewsByWebhook,
	}}
	run := workflows.NoticeData{Run: &workflows.Run{RunID: "r1", Status: workflows.RunOpen, OpenedAt: at, LastActiveAt: at, WarnedAt: at, StaleMinutes: 12.5}}
	activation := workflows.NoticeData{Activation: &workflows.ActivationChange{
		Status: workflows.ActivationActive, At: at, Reason: "billing", User: &workflows.ActivationUser{ID: "u1", Email: "ann@brand.example"}, HasAPIKey: true,
	}}
	ofCase := map[workflows.NoticeKind]workflows.NoticeData{
		workflows.NoticeCaseInputNeeded: {Question: question}, workflows.NoticeCaseCompleted: outcome(workflows.CaseCompleted),
		workflows.NoticeCaseFailed: outcome(workflows.CaseFailed), workflows.NoticeCaseExpired: outcome(workflows.CaseExpired),
		workflows.NoticeCaseCancelled: outcome(workflows.CaseCancelled), workflows.NoticeCaseAttention: {Attention: []string{"input_needed"}},
		workflows.NoticeCaseFilesStored: {Files: &workflows.CaseFiles{
			Reference: "vendor_2048", CaseID: "c1", Status: workflows.FilesStored, Since: at,
			Stored:   []workflows.StoredFile{{AttachmentID: "a1", Bucket: "b", Key: "k", Size: 7, SHA256: "00", ContentType: "application/pdf", ReportedSize: 8, ReportedType: "text/plain"}},
			Unstored: []workflows.UnstoredFile{{AttachmentID: "a2", Name: "x", ErrorType: "t", Reason: "gone"}},
		}},
	}
	ofActivation := map[workflows.NoticeKind]workflows.NoticeData{
		workflows.NoticeApprovalApproved: approval, workflows.NoticeApprovalRejected: approval, workflows.NoticeApprovalExpired: approval,
		workflows.NoticeApprovalVoided: approval, workflows.NoticeApprovalCancelled: approval,
		workflows.NoticeRunStaleWarning: run, workflows.NoticeRunForceFailed: run, workflows.NoticeRunVoided: run,
		workflows.NoticeActivationActivated: activation, workflows.NoticeActivationPaused: activation, workflows.NoticeActivationResumed: activation,
		workflows.NoticeActivationDeactivated: activation,
	}
	var all []workflows.Notice
	for kind, data := range ofCase {
		all = append(all, workflows.Notice{ID: "ntc_1", Seq: 1, Kind: kind, Source: source, Reference: "vendor_2048", Time: at, Data: data})
	}
	for kind, data := range ofActivation {
		all = append(all, workflows.Notice{
			ID: "ntc_1", Seq: 1, Kind: kind, Source: workflows.ArtmailActivationWorkflowID("crm", "a1"), Agent: "crm", ActivationID: "a1", Time: at, Data: data,
		})
	}
	slices.SortFunc(all, func(a, b workflows.Notice) int { return bytes.Compare([]byte(a.Kind), []byte(b.Kind)) })
	return all
}
