package offload_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// seed is an example of Offload's "Webhook events" reference as it stands there.
func seed(tb testing.TB, name string) []byte {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return body
}

func meta() workflows.EventMeta {
	return workflows.EventMeta{DeliveryID: "d1", DedupeKey: "k1", ReceivedAt: time.UnixMilli(1774131905000).UTC()}
}

func TestParseReadsTheExamplesOfTheReference(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1774131900000).UTC()

	t.Run("case.completed", func(t *testing.T) {
		t.Parallel()
		got, err := offload.Parse(seed(t, "completed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.completed", got.Event.Kind)
		require.Zero(t, got.Event.OccurredAt)
		require.Equal(t, "d1", got.Event.DeliveryID)
		require.Equal(t, "k1", got.Event.DedupeKey)
		require.Equal(t, meta().ReceivedAt, got.Event.ReceivedAt)
		require.JSONEq(t, `{"signedW9Received": true, "receivedAt": "2026-03-21T15:42:00Z"}`, string(got.Event.Facts.Result))
		require.JSONEq(t, `{"vendorId": "vendor_2048"}`, string(got.Event.Facts.Metadata))
		got.Event.Facts.Result, got.Event.Facts.Metadata = nil, nil
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, ClientReferenceID: "vendor_2048", Status: "COMPLETED", Channel: "EMAIL", AttemptCount: 2, ResultStatus: "goal_achieved",
			Attachments: []workflows.Attachment{{
				ID: "63016fee-124b-46d8-a3e5-616f187a6c41", Name: "vendor-w9.pdf", Size: 904860, Type: "application/pdf",
				MessageID: "<message-id@example.com>", InboxID: "dev-test@agentmail.to", ReceivedAt: at,
			}},
		}, got.Event.Facts)
	})
	t.Run("case.failed", func(t *testing.T) {
		t.Parallel()
		got, err := offload.Parse(seed(t, "failed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.failed", got.Event.Kind)
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, Status: "FAILED", Channel: "EMAIL", AttemptCount: 3, ResultStatus: "max_retries", Attachments: []workflows.Attachment{},
		}, got.Event.Facts)
	})
	t.Run("case.input_needed", func(t *testing.T) {
		t.Parallel()
		got, err := offload.Parse(seed(t, "input_needed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.input_needed", got.Event.Kind)
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, Status: "INPUT_NEEDED", Channel: "EMAIL", AttemptCount: 1, Attachments: []workflows.Attachment{},
			Question: &workflows.Question{
				ID:          "c8c6a7ca-a913-4d13-8cd8-5887efb0531c",
				Text:        "The vendor asked whether a signed PDF is acceptable. How should I respond?",
				Status:      "PENDING",
				RequestedAt: time.UnixMilli(1774131900300).UTC(),
			},
		}, got.Event.Facts)
	})
	t.Run("the common envelope", func(t *testing.T) {
		t.Parallel()
		body := strings.Replace(string(seed(t, "envelope.json")), `"data": {}`, `"data": {"caseId": "`+caseID+`"}`, 1)
		got, err := offload.Parse([]byte(body), meta())
		require.NoError(t, err)
		require.Equal(t, at, got.Event.OccurredAt)
		require.Equal(t, "COMPLETED", got.Event.Facts.Status, "the kind says it where data doesn't")
	})
}

func TestAFieldOfAnotherTypeIsLostAloneAndNamed(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.failed","timestamp":{},"data":{"caseId":"c1","status":"FAILED","channel":7,
		"attemptCount":"many","attachments":{"a":1},"resultStatus":["x"],"failureReason":{"code":1},"result":null,"metadata":null,"fresh":{"new":true}}}`), meta())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseFacts{CaseID: "c1", Status: "FAILED", Channel: "7", Omitted: []string{"attachments", "failureReason"}}, got.Event.Facts)
	require.Zero(t, got.Event.OccurredAt)
	require.Equal(t, []string{"timestamp", "data.attemptCount", "data.attachments", "data.resultStatus", "data.failureReason"}, got.Lost)
}

func TestAPartThatCannotBeReadIsOmitted(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	const none = `"attachments":[],`
	unreadable := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for fields, want := range map[string][]string{
		`"attachments":{}`:                                                 {"attachments"},
		`"attachments":["a"]`:                                              {"attachments"},
		`"attachments":[{"attachmentId":{}}]`:                              {"attachments"},
		`"attachments":[{"name":"no ID"}]`:                                 {"attachments"},
		`"attachments":[{"attachmentId":"a1","size":"large","name":[]}]`:   nil,
		`"attachments":null,"failureReason":null,"result":null`:            {"attachments"},
		`"resultStatus":"max_retries"`:                                     {"attachments"},
		none + `"failureReason":{}`:                                        {"failureReason"},
		none + `"clientReferenceId":[]`:                                    {"clientReferenceId"},
		none + `"metadata":` + deep + `,"result":` + deep:                  {"metadata", "result"},
		none + `"result":` + unreadable:                                    {"result"},
		none + `"fresh":` + unreadable:                                     nil,
		none + `"attemptCount":"many","resultStatus":{},"inputRequest":[]`: nil,
		`"attachments":[],"failureReason":"","result":{},"metadata":[]`:    nil,
	} {
		got, err := offload.Parse([]byte(`{"event_type":"case.failed","data":{"caseId":"c1",`+fields+`}}`), meta())
		require.NoError(t, err)
		require.Equal(t, want, got.Event.Facts.Omitted, "%.80s", fields)
	}
	got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequestId":"q1","inputRequest":[]}}`), meta())
	require.NoError(t, err)
	require.Equal(t, []string{"question"}, got.Event.Facts.Omitted, "a read brings the text")
}

func TestAQuestionWithoutATextOrAnIDIsOmitted(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string][]string{
		`"inputRequestId":"q1"`:                                       {"question"},
		`"inputRequestId":"q1","inputRequest":null`:                   {"question"},
		`"inputRequestId":"q1","inputRequest":""`:                     {"question"},
		`"inputRequest":{"id":"q1","status":"PENDING"}`:               {"question"},
		`"inputRequest":"Which?"`:                                     {"question"},
		`"inputRequest":"Which?","inputRequestId":""`:                 {"question"},
		`"inputRequestStatus":"PENDING"`:                              {"question"},
		`"inputRequest":"Which?","inputRequestId":"q1"`:               nil,
		`"inputRequest":"Which?","inputRequestId":"q1","status":null`: nil,
	} {
		got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1",`+fields+`}}`), meta())
		require.NoError(t, err)
		require.Equal(t, want, got.Event.Facts.Omitted, fields)
		require.Empty(t, got.Lost, "nothing was unreadable")
	}
	ended, err := offload.Parse([]byte(`{"event_type":"case.failed","data":{"caseId":"c1","inputRequestId":"q1","attachments":[]}}`), meta())
	require.NoError(t, err)
	require.Empty(t, ended.Event.Facts.Omitted, "a case that has ended asks nothing")
}

func TestParseKeepsTheFailureReason(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.failed","data":{"caseId":"c1","failureReason":"No reply."}}`), meta())
	require.NoError(t, err)
	require.NotNil(t, got.Event.Facts.FailureReason)
	require.Equal(t, "No reply.", *got.Event.Facts.FailureReason)
}

func TestParseReadsAQuestionInTheFormOfGET(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1",
		"inputRequest":{"id":"q1","question":"Which?","status":"PENDING","requestedAt":1774131900300}}}`), meta())
	require.NoError(t, err)
	require.Equal(t, &workflows.Question{ID: "q1", Text: "Which?", Status: "PENDING", RequestedAt: time.UnixMilli(1774131900300).UTC()}, got.Event.Facts.Question)
}

func TestParseDropsAQuestionThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequest":"Which?"}}`), meta())
	require.NoError(t, err)
	require.Nil(t, got.Event.Facts.Question)
	require.Equal(t, "INPUT_NEEDED", got.Event.Facts.Status)
}

func TestAnOddAttachmentLosesThatAttachmentOnly(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.completed","data":{"caseId":"c1","attachments":[
		{"attachmentId":"a1","name":"w9.pdf","size":5,"type":"application/pdf"},"a2",{"name":"no ID"},{"attachmentId":"a4","size":"904860","receivedAt":{}}]}}`), meta())
	require.NoError(t, err)
	require.Equal(t, []workflows.Attachment{{ID: "a1", Name: "w9.pdf", Size: 5, Type: "application/pdf"}, {ID: "a4", Size: 904860}}, got.Event.Facts.Attachments)
	require.Equal(t, []string{"data.attachments[1]", "data.attachments[3].receivedAt", "data.attachments[].attachmentId"}, got.Lost)
}

func TestAFileLosesOnlyItsUnusableFields(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	got, err := offload.Parse([]byte(`{"event_type":"case.completed","data":{"caseId":"c1","attachments":[
		{"attachmentId":"a1","name":"`+long+`","type":"t","messageId":"m\n","receivedAt":"9999-12-31T00:00:00Z"},{"attachmentId":"a\u0000"},{"attachmentId":"`+long+`"}]}}`), meta())
	require.NoError(t, err)
	require.Equal(t, []workflows.Attachment{{ID: "a1", Name: workflows.Clip(long, 500), Type: "t"}}, got.Event.Facts.Attachments)
	require.Equal(t, []string{
		"data.attachments[].name", "data.attachments[].messageId", "data.attachments[].receivedAt", "data.attachments[].attachmentId", "data.attachments[].attachmentId",
	}, got.Lost)
}

func TestNamesAreComparedExactly(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.completed","data":{"caseId":"c1","caseid":"c2","CASEID":"c3","status":"COMPLETED",
		"attachments":[],"resultStatus":"goal_achieved","result":{"signed":true},"Result":null,"resultstatus":"max_retries"}}`), meta())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseFacts{
		CaseID: "c1", Status: "COMPLETED", ResultStatus: "goal_achieved", Result: json.RawMessage(`{"signed":true}`), Attachments: []workflows.Attachment{},
	}, got.Event.Facts)
	envelope, err := offload.Peek([]byte(`{"event_type":"case.completed","data":{"caseid":"c1"}}`))
	require.NoError(t, err)
	require.Empty(t, envelope.EntityID)
}

func TestAnOddQuestionIDLosesTheQuestionOnly(t *testing.T) {
	t.Parallel()
	for _, id := range []string{`{}`, `"q\u0000"`, `"` + strings.Repeat("q", 251) + `"`} {
		got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequest":"Which?","inputRequestId":`+id+`}}`), meta())
		require.NoError(t, err)
		require.Equal(t, workflows.CaseFacts{CaseID: "c1", Status: "INPUT_NEEDED", Omitted: []string{"question"}}, got.Event.Facts, id)
		require.Equal(t, []string{"data.inputRequestId"}, got.Lost, id)
	}
}

func TestAFieldLostInAQuestionOfGETIsNamed(t *testing.T) {
	t.Parallel()
	got, err := offload.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequest":{"id":"q1","question":[]}}}`), meta())
	require.NoError(t, err)
	require.Equal(t, &workflows.Question{ID: "q1"}, got.Event.Facts.Question)
	require.Equal(t, []string{"data.inputRequest.question"}, got.Lost)
}

func TestParseRefusesAnUnknownKind(t *testing.T) {
	t.Parallel()
	_, err := offload.Parse([]byte(`{"event_type":"case.archived","data":{"caseId":"c1"}}`), meta())
	require.ErrorIs(t, err, hook.ErrUnparseable)
}
