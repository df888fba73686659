package offloadhook_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
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
		got, err := offloadhook.Parse(seed(t, "completed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.completed", got.Kind)
		require.Zero(t, got.OccurredAt)
		require.Equal(t, "d1", got.DeliveryID)
		require.Equal(t, "k1", got.DedupeKey)
		require.Equal(t, meta().ReceivedAt, got.ReceivedAt)
		require.JSONEq(t, `{"signedW9Received": true, "receivedAt": "2026-03-21T15:42:00Z"}`, string(got.Facts.Result))
		require.JSONEq(t, `{"vendorId": "vendor_2048"}`, string(got.Facts.Metadata))
		got.Facts.Result, got.Facts.Metadata = nil, nil
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, ClientReferenceID: "vendor_2048", Status: "COMPLETED", Channel: "EMAIL", AttemptCount: 2, ResultStatus: "goal_achieved",
			Attachments: []workflows.Attachment{{
				ID: "63016fee-124b-46d8-a3e5-616f187a6c41", Name: "vendor-w9.pdf", Size: 904860, Type: "application/pdf",
				MessageID: "<message-id@example.com>", InboxID: "dev-test@agentmail.to", ReceivedAt: at,
			}},
		}, got.Facts)
	})
	t.Run("case.failed", func(t *testing.T) {
		t.Parallel()
		got, err := offloadhook.Parse(seed(t, "failed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.failed", got.Kind)
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, Status: "FAILED", Channel: "EMAIL", AttemptCount: 3, ResultStatus: "max_retries", Attachments: []workflows.Attachment{},
		}, got.Facts)
	})
	t.Run("case.input_needed", func(t *testing.T) {
		t.Parallel()
		got, err := offloadhook.Parse(seed(t, "input_needed.json"), meta())
		require.NoError(t, err)
		require.Equal(t, "case.input_needed", got.Kind)
		require.Equal(t, workflows.CaseFacts{
			CaseID: caseID, Status: "INPUT_NEEDED", Channel: "EMAIL", AttemptCount: 1, Attachments: []workflows.Attachment{},
			Question: &workflows.Question{
				ID:          "c8c6a7ca-a913-4d13-8cd8-5887efb0531c",
				Text:        "The vendor asked whether a signed PDF is acceptable. How should I respond?",
				Status:      "PENDING",
				RequestedAt: time.UnixMilli(1774131900300).UTC(),
			},
		}, got.Facts)
	})
	t.Run("the common envelope", func(t *testing.T) {
		t.Parallel()
		body := strings.Replace(string(seed(t, "envelope.json")), `"data": {}`, `"data": {"caseId": "`+caseID+`"}`, 1)
		got, err := offloadhook.Parse([]byte(body), meta())
		require.NoError(t, err)
		require.Equal(t, at, got.OccurredAt)
		require.Equal(t, "COMPLETED", got.Facts.Status, "the kind says it where data doesn't")
	})
}

func TestParseTakesFieldsOfAnotherTypeAsNotSaid(t *testing.T) {
	t.Parallel()
	got, err := offloadhook.Parse([]byte(`{"event_type":"case.failed","timestamp":{},"data":{"caseId":"c1","status":"FAILED","channel":7,
		"attemptCount":"many","attachments":{"a":1},"resultStatus":["x"],"failureReason":{"code":1},"result":null,"metadata":null,"fresh":{"new":true}}}`), meta())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseFacts{CaseID: "c1", Status: "FAILED", Channel: "7"}, got.Facts)
	require.Zero(t, got.OccurredAt)
}

func TestParseKeepsTheFailureReason(t *testing.T) {
	t.Parallel()
	got, err := offloadhook.Parse([]byte(`{"event_type":"case.failed","data":{"caseId":"c1","failureReason":"No reply."}}`), meta())
	require.NoError(t, err)
	require.NotNil(t, got.Facts.FailureReason)
	require.Equal(t, "No reply.", *got.Facts.FailureReason)
}

func TestParseUnderstandsAQuestionInTheShapeOfGET(t *testing.T) {
	t.Parallel()
	got, err := offloadhook.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1",
		"inputRequest":{"id":"q1","question":"Which?","status":"PENDING","requestedAt":1774131900300}}}`), meta())
	require.NoError(t, err)
	require.Equal(t, &workflows.Question{ID: "q1", Text: "Which?", Status: "PENDING", RequestedAt: time.UnixMilli(1774131900300).UTC()}, got.Facts.Question)
}

func TestParseDropsAQuestionThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	got, err := offloadhook.Parse([]byte(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequest":"Which?"}}`), meta())
	require.NoError(t, err)
	require.Nil(t, got.Facts.Question)
	require.Equal(t, "INPUT_NEEDED", got.Facts.Status)
}

func TestParseRefusesAnUnknownKind(t *testing.T) {
	t.Parallel()
	_, err := offloadhook.Parse([]byte(`{"event_type":"case.archived","data":{"caseId":"c1"}}`), meta())
	require.ErrorIs(t, err, offloadhook.ErrUnparseable)
}

func TestFitLeavesOutWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`"` + strings.Repeat("x", 5000) + `"`)
	reason := string(large)
	files := []workflows.Attachment{{ID: strings.Repeat("f", 5000)}}
	tests := []struct {
		name  string
		facts workflows.CaseFacts
		want  workflows.CaseFacts
	}{
		{"a small event is as it was", workflows.CaseFacts{Result: json.RawMessage(`1`)}, workflows.CaseFacts{Result: json.RawMessage(`1`)}},
		{
			"the result goes first",
			workflows.CaseFacts{CaseID: "c", Result: large, Metadata: json.RawMessage(`{}`)},
			workflows.CaseFacts{CaseID: "c", ResultOmitted: true, Metadata: json.RawMessage(`{}`)},
		},
		{
			"then the attachments",
			workflows.CaseFacts{CaseID: "c", Result: large, Attachments: files, Metadata: json.RawMessage(`{}`)},
			workflows.CaseFacts{CaseID: "c", ResultOmitted: true, Metadata: json.RawMessage(`{}`)},
		},
		{"then the metadata", workflows.CaseFacts{CaseID: "c", Metadata: large}, workflows.CaseFacts{CaseID: "c", ResultOmitted: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, encoded, err := offloadhook.Fit(workflows.CaseEvent{EventMeta: meta(), Facts: tt.facts}, 4000)
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Facts)
			require.LessOrEqual(t, len(encoded), 4000)
			var decoded workflows.CaseEvent
			require.NoError(t, json.Unmarshal(encoded, &decoded))
			require.Equal(t, got, decoded)
		})
	}
	t.Run("what can't be left out is refused", func(t *testing.T) {
		t.Parallel()
		_, _, err := offloadhook.Fit(workflows.CaseEvent{Facts: workflows.CaseFacts{FailureReason: &reason}}, 4000)
		require.ErrorIs(t, err, offloadhook.ErrUnparseable)
	})
}
