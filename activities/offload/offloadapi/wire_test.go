package offloadapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

type seenRequest struct {
	method, uri, contentType, key, accept string
	body                                  string
}

// expect answers with status and body, and records the request.
func expect(t *testing.T, status int, body string) (*offloadapi.Client, *seenRequest) {
	t.Helper()
	seen := new(seenRequest)
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		*seen = seenRequest{r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("x-api-key"), r.Header.Get("Accept"), string(raw)}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	return client, seen
}

func TestCreateCasePostsEveryFieldInThePublishedForm(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 203} {
		client, seen := expect(t, status, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"CREATED"}}`)
		two, hours := 2, 48
		request := workflows.CaseRequest{
			Channel:           "EMAIL",
			Goal:              workflows.CaseGoal{Objective: "Get it", Knowledge: json.RawMessage(`{"a":1}`)},
			Counterparty:      workflows.Counterparty{Address: "v@example.com", Name: "V", Company: "C", Timezone: "UTC", CustomData: map[string]string{"k": "v"}},
			SenderPersona:     workflows.SenderPersona{Name: "Ada", Role: "Buyer", Company: "A", Tone: "kind"},
			ClientReferenceID: "order-7",
			Constraints:       []string{"be short"},
			MaxAttempts:       &two,
			FollowUpDelay:     &hours,
			ResultSchema:      json.RawMessage(`{"type":"object"}`),
			Metadata:          json.RawMessage(`{"vendorId":"7"}`),
		}
		created, err := client.CreateCase(t.Context(), request, testWebhook)
		require.NoError(t, err)
		require.Equal(t, caseID, created.CaseID)
		require.Equal(t, "POST", seen.method)
		require.Equal(t, "/cases", seen.uri)
		require.Equal(t, "application/json", seen.contentType)
		require.Equal(t, testKey, seen.key)
		require.JSONEq(t, `{
			"channel": "EMAIL",
			"goal": {"objective": "Get it", "knowledge": {"a": 1}},
			"counterparty": {"address": "v@example.com", "name": "V", "company": "C", "timezone": "UTC", "customData": {"k": "v"}},
			"senderPersona": {"name": "Ada", "role": "Buyer", "company": "A", "tone": "kind"},
			"clientReferenceId": "order-7", "constraints": ["be short"], "maxAttempts": 2, "followUpDelayHours": 48,
			"resultSchema": {"type": "object"}, "metadata": {"vendorId": "7"}, "clientWebhookUrl": "`+testWebhook+`"
		}`, seen.body)
	}
}

func TestCreateCaseLeavesOutFieldsWithADefault(t *testing.T) {
	t.Parallel()
	client, seen := expect(t, 201, `{"ok":true,"data":{"caseId":"`+caseID+`"}}`)
	_, err := client.CreateCase(t.Context(), validCreate(), "")
	require.NoError(t, err)
	require.JSONEq(t, `{"channel":"EMAIL","goal":{"objective":"Get the signed W-9"},
		"counterparty":{"address":"vendor@example.com","name":"Vendor"},"senderPersona":{"name":"Ada"}}`, seen.body)
}

const wholeCase = `{"ok": true, "data": {
	"caseId": "` + caseID + `", "clientReferenceId": "vendor_2048", "status": "INPUT_NEEDED", "channel": "EMAIL",
	"createdAt": 1774131000000, "updatedAt": 1774131900300, "nextActionAt": 1774391100300, "attemptCount": 2, "maxAttempts": 3,
	"goal": {"objective": "x"}, "counterparty": {"address": "a", "name": "b"}, "senderPersona": {"name": "c"},
	"constraints": [], "resultSchema": {}, "resultStatus": "goal_achieved", "result": {"signed": true},
	"attachments": [{"attachmentId": "63016fee", "name": "vendor-w9.pdf", "size": 904860, "type": "application/pdf",
		"messageId": "<message-id@example.com>", "inboxId": "dev-test@agentmail.to", "receivedAt": 1774131900000}],
	"inputRequest": {"id": "c8c6a7ca", "question": "Is a PDF fine?", "status": "PENDING", "requestedAt": 1774131900300}
}}`

func TestGetCaseReadsEveryFieldIntoFacts(t *testing.T) {
	t.Parallel()
	client, seen := expect(t, 200, wholeCase)
	found, err := client.GetCase(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, seenRequest{method: "GET", uri: "/cases/" + caseID, key: testKey, accept: "application/json"}, *seen,
		"no body, and no query: the transcript is never asked for")
	require.Equal(t, workflows.CaseFacts{
		CaseID: caseID, ClientReferenceID: "vendor_2048", Status: "INPUT_NEEDED", Channel: "EMAIL",
		AttemptCount: 2, MaxAttempts: 3, ResultStatus: "goal_achieved", Result: json.RawMessage(`{"signed": true}`),
		CreatedAt:    time.UnixMilli(1774131000000).UTC(),
		UpdatedAt:    time.UnixMilli(1774131900300).UTC(),
		NextActionAt: time.UnixMilli(1774391100300).UTC(),
		Attachments: []workflows.Attachment{{
			ID: "63016fee", Name: "vendor-w9.pdf", Size: 904860, Type: "application/pdf", MessageID: "<message-id@example.com>",
			InboxID: "dev-test@agentmail.to", ReceivedAt: time.UnixMilli(1774131900000).UTC(),
		}},
		Question: &workflows.Question{
			ID: "c8c6a7ca", Text: "Is a PDF fine?", Status: "PENDING", RequestedAt: time.UnixMilli(1774131900300).UTC(),
		},
	}, found.Facts())
}

func TestGetCaseReadsSparseCases(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"only a status":                `{"status":"RUNNING"}`,
		"nulls":                        `{"status":"RUNNING","caseId":"` + caseID + `","inputRequest":null,"result":null,"attachments":null,"nextActionAt":null}`,
		"nothing scheduled":            `{"status":"RUNNING","nextActionAt":253402300799999}`,
		"nothing scheduled, old style": `{"status":"RUNNING","nextActionAt":253402300799000}`,
		"nothing scheduled, ISO 8601":  `{"status":"RUNNING","nextActionAt":"9999-12-31T23:59:59.999Z"}`,
		"a year that JSON lacks":       `{"status":"RUNNING","createdAt":9e18,"updatedAt":-1,"nextActionAt":"9999-12-31T23:59:59-14:00"}`,
	} {
		client, _ := expect(t, 200, `{"ok":true,"data":`+data+`}`)
		found, err := client.GetCase(t.Context(), caseID)
		require.NoError(t, err, name)
		require.Equal(t, workflows.CaseFacts{CaseID: caseID, Status: "RUNNING"}, found.Facts(), name)
	}
}

func TestTimesAreReadAsMillisecondsAndAsISO(t *testing.T) {
	t.Parallel()
	client, _ := expect(t, 200, `{"ok":true,"data":{"status":"RUNNING","createdAt":"2026-03-21T15:42:00.3Z","updatedAt":253402300798999}}`)
	found, err := client.GetCase(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 21, 15, 42, 0, 3e8, time.UTC), found.CreatedAt)
	require.Equal(t, time.Date(9999, 12, 31, 23, 59, 58, 999e6, time.UTC), found.UpdatedAt)
}

func TestProvideInputPostsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"ok":true,"data":{"caseId":"` + caseID + `","inputRequestId":"q1","accepted":true}}`,
		`{"ok":true,"data":{}}`,
	} {
		client, seen := expect(t, 202, body)
		require.NoError(t, client.ProvideInput(t.Context(), caseID, "q1", "Yes, a PDF is fine."))
		require.Equal(t, "POST", seen.method)
		require.Equal(t, "/cases/"+caseID+"/input", seen.uri)
		require.JSONEq(t, `{"inputRequestId":"q1","providedContext":"Yes, a PDF is fine."}`, seen.body)
	}
}

func TestGetAttachmentReturnsADownload(t *testing.T) {
	t.Parallel()
	client, seen := expect(t, 200, `{"ok":true,"data":{"attachmentId":"a1","name":"w9.pdf","size":9,"type":"application/pdf","messageId":"m",
		"inboxId":"i","receivedAt":1774131900000,"downloadUrl":"https://cdn.example.com/x?sig=1","expiresAt":"2026-03-21T16:42:00.000Z"}}`)
	download, err := client.GetAttachment(t.Context(), caseID, "a1")
	require.NoError(t, err)
	require.Equal(t, "/cases/"+caseID+"/attachments/a1", seen.uri)
	require.Equal(t, "https://cdn.example.com/x?sig=1", download.DownloadURL)
	require.Equal(t, testNow.Add(time.Hour), download.ExpiresAt)
	require.Equal(t, int64(9), download.Size)
}

func TestAnIDCannotChangeTheRoute(t *testing.T) {
	t.Parallel()
	client, seen := expect(t, 404, ``)
	_, err := client.GetCase(t.Context(), "a/../b?x=1#y")
	require.ErrorIs(t, err, offloadapi.ErrNotFound)
	require.Equal(t, "/cases/a%2F..%2Fb%3Fx=1%23y", seen.uri)
}

func TestInvalidArgumentsAreNotSent(t *testing.T) {
	t.Parallel()
	client, requests := serve(t, answerWith(200, wholeCase))
	ctx := t.Context()
	broken := validCreate()
	broken.Metadata = json.RawMessage(`{"secret": "of the customer"`)
	_, badJSON := client.CreateCase(ctx, broken, testWebhook)
	require.NotContains(t, badJSON.Error(), "customer")
	_, dots := client.GetCase(ctx, "..")
	_, empty := client.GetCase(ctx, "")
	_, dot := client.GetAttachment(ctx, caseID, ".")
	for name, err := range map[string]error{
		"broken metadata":      badJSON,
		"dots as case ID":      dots,
		"empty case ID":        empty,
		"dot as attachment ID": dot,
		"blank question":       client.ProvideInput(ctx, caseID, " ", "text"),
		"blank answer":         client.ProvideInput(ctx, caseID, "q1", " \n"),
		"answer to no case":    client.ProvideInput(ctx, "", "q1", "text"),
	} {
		require.ErrorIs(t, err, offloadapi.ErrInvalidArgument, name)
		require.ErrorIs(t, err, offloadapi.ErrNotSent, name)
	}
	require.Zero(t, requests.Load())
}
