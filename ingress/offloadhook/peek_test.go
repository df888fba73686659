package offloadhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
)

const caseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

func TestPeekReadsWhatIdentifiesAnEvent(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1774131900000).UTC()
	tests := []struct {
		name string
		body string
		want offloadhook.Envelope
	}{
		{
			name: "the common envelope",
			body: `{"event_id":"evt_1","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"c1","clientReferenceId":"r1"}}`,
			want: offloadhook.Envelope{Kind: "case.completed", Known: true, DedupeKey: "evt_1", CaseID: "c1", ClientReferenceID: "r1", OccurredAt: at},
		},
		{
			name: "an end without event_id is keyed by kind, case and status",
			body: `{"event_type":"case.failed","data":{"caseId":"c1","status":"FAILED"}}`,
			want: offloadhook.Envelope{Kind: "case.failed", Known: true, DedupeKey: "case.failed/c1/FAILED", CaseID: "c1"},
		},
		{
			name: "an end without event_id and status has the status of its kind",
			body: `{"event_type":"case.completed","data":{"caseId":"c1"}}`,
			want: offloadhook.Envelope{Kind: "case.completed", Known: true, DedupeKey: "case.completed/c1/COMPLETED", CaseID: "c1"},
		},
		{
			name: "a question without event_id is keyed by its request",
			body: `{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequestId":"q1"}}`,
			want: offloadhook.Envelope{Kind: "case.input_needed", Known: true, DedupeKey: "case.input_needed/c1/q1", CaseID: "c1"},
		},
		{
			name: "a question without any ID has no key",
			body: `{"event_type":"case.input_needed","data":{"caseId":"c1"}}`,
			want: offloadhook.Envelope{Kind: "case.input_needed", Known: true, CaseID: "c1"},
		},
		{
			name: "an unknown kind needs no case",
			body: `{"event_id":"evt_9","event_type":"case.archived","data":{}}`,
			want: offloadhook.Envelope{Kind: "case.archived", DedupeKey: "evt_9"},
		},
		{
			name: "a time in quotes",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":"1774131900000","data":{"caseId":"c1"}}`,
			want: offloadhook.Envelope{Kind: "case.failed", Known: true, DedupeKey: "e", CaseID: "c1", OccurredAt: at},
		},
		{
			name: "a time in RFC 3339",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":"2026-03-21T22:25:00Z","data":{"caseId":"c1"}}`,
			want: offloadhook.Envelope{Kind: "case.failed", Known: true, DedupeKey: "e", CaseID: "c1", OccurredAt: at},
		},
		{
			name: "a time that JSON can't carry on is not said",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":253402300799999,"data":{"caseId":"c1"}}`,
			want: offloadhook.Envelope{Kind: "case.failed", Known: true, DedupeKey: "e", CaseID: "c1"},
		},
		{
			name: "an ID that is a number keeps its digits",
			body: `{"event_id":17,"event_type":"case.failed","data":{"caseId":12345678901234567890}}`,
			want: offloadhook.Envelope{Kind: "case.failed", Known: true, DedupeKey: "17", CaseID: "12345678901234567890"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := offloadhook.Peek([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestPeekRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	tests := []struct{ name, body, says string }{
		{"nothing", ``, "unexpected end"},
		{"broken JSON", `{"event_type":`, "unexpected end"},
		{"a list", `[]`, "cannot unmarshal"},
		{"null", `null`, "event_type is missing"},
		{"no kind", `{"data":{"caseId":"c1"}}`, "event_type is missing"},
		{"a kind that is no text", `{"event_type":{},"data":{"caseId":"c1"}}`, "event_type is missing"},
		{"no data", `{"event_type":"case.completed"}`, "data.caseId is missing"},
		{"data that is no object", `{"event_type":"case.completed","data":"c1"}`, "cannot unmarshal"},
		{"no case", `{"event_type":"case.completed","data":{}}`, "data.caseId is missing"},
		{"an absurd kind", fmt.Sprintf(`{"event_type":%q}`, long), "event_type has 10000 bytes"},
		{"an absurd caseId", fmt.Sprintf(`{"event_type":"case.failed","data":{"caseId":%q}}`, long), "data.caseId has 10000 bytes"},
		{"an absurd event_id", fmt.Sprintf(`{"event_type":"case.failed","event_id":%q,"data":{"caseId":"c1"}}`, long), "event_id has 10000 bytes"},
		{"an absurd question ID", fmt.Sprintf(`{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequestId":%q}}`, long), "inputRequestId has"},
		{"an absurd client reference", fmt.Sprintf(`{"event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":%q}}`, long), "clientReferenceId has"},
		{"an absurd status", fmt.Sprintf(`{"event_type":"case.failed","data":{"caseId":"c1","status":%q}}`, long), "status has"},
		{"a caseId with a NUL", `{"event_type":"case.failed","data":{"caseId":"c\u0000"}}`, "data.caseId has a character"},
		{"a caseId in broken UTF-8", "{\"event_type\":\"case.failed\",\"data\":{\"caseId\":\"\xff\"}}", "data.caseId has a character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := offloadhook.Peek([]byte(tt.body))
			require.ErrorIs(t, err, offloadhook.ErrUnparseable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestPeekNamesTheKindOfARefusedBody(t *testing.T) {
	t.Parallel()
	got, err := offloadhook.Peek([]byte(`{"event_type":"case.completed","data":{}}`))
	require.Error(t, err)
	require.Equal(t, "case.completed", got.Kind)
}

func BenchmarkPeek(b *testing.B) {
	body := seed(b, "completed.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := offloadhook.Peek(body); err != nil {
			b.Fatal(err)
		}
	}
}
