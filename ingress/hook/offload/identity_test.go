package offload_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

const caseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

func TestPeekReadsWhatIdentifiesAnEvent(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1774131900000).UTC()
	tests := []struct {
		name string
		body string
		want hook.Envelope
	}{
		{
			name: "the common envelope",
			body: `{"event_id":"evt_1","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"c1","clientReferenceId":"r1"}}`,
			want: hook.Envelope{Kind: "case.completed", DedupeKey: "case.completed/evt_1", EntityID: "c1", ClientReferenceID: "r1", OccurredAt: at},
		},
		{
			name: "an end without event_id is keyed by kind, case and status",
			body: `{"event_type":"case.failed","data":{"caseId":"c1","status":"FAILED"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed:c1/FAILED", EntityID: "c1"},
		},
		{
			name: "an end without event_id and status has the status of its kind",
			body: `{"event_type":"case.completed","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.completed", DedupeKey: "case.completed:c1/COMPLETED", EntityID: "c1"},
		},
		{
			name: "a question without event_id is keyed by its request",
			body: `{"event_type":"case.input_needed","data":{"caseId":"c1","inputRequestId":"q1"}}`,
			want: hook.Envelope{Kind: "case.input_needed", DedupeKey: "case.input_needed:c1/q1", EntityID: "c1"},
		},
		{
			name: "a question without any ID has no key",
			body: `{"event_type":"case.input_needed","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.input_needed", EntityID: "c1"},
		},
		{
			name: "an unknown kind needs no case",
			body: `{"event_id":"evt_9","event_type":"case.archived","data":{}}`,
			want: hook.Envelope{Kind: "unknown", Ignored: `unknown kind "case.archived"`, DedupeKey: "case.archived/evt_9"},
		},
		{
			name: "a time in quotes",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":"1774131900000","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/e", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "a time in RFC 3339",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":"2026-03-21T22:25:00Z","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/e", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "a timestamp after the updatedAt in event_id",
			body: `{"event_id":"evt_c1_case_failed_1774131900000","event_type":"case.failed","timestamp":1774131900001,"data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_1774131900000", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "no timestamp beside the updatedAt in event_id",
			body: `{"event_id":"evt_c1_case_failed_1774131900000","event_type":"case.failed","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_1774131900000", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "a timestamp before the updatedAt in event_id",
			body: `{"event_id":"evt_c1_case_failed_1774131900001","event_type":"case.failed","timestamp":1774131900000,"data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_1774131900001", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "an event_id that ends in another number",
			body: `{"event_id":"evt_c1_case_failed_177413190000","event_type":"case.failed","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_177413190000", EntityID: "c1"},
		},
		{
			name: "an event_id whose digits do not follow the kind",
			body: `{"event_id":"evt_1200000000042","event_type":"case.failed","timestamp":1774131900000,"data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_1200000000042", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "an event_id that ends in a sign and digits",
			body: `{"event_id":"evt_c1_case_failed_+774131900000","event_type":"case.failed","data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_+774131900000", EntityID: "c1"},
		},
		{
			name: "an event_id that ends in an absurd time",
			body: `{"event_id":"evt_c1_case_failed_9999999999999","event_type":"case.failed","timestamp":1774131900000,"data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/evt_c1_case_failed_9999999999999", EntityID: "c1", OccurredAt: at},
		},
		{
			name: "a time that JSON can't carry on is not said",
			body: `{"event_id":"e","event_type":"case.failed","timestamp":253402300799999,"data":{"caseId":"c1"}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/e", EntityID: "c1"},
		},
		{
			name: "an ID that is a number keeps its digits",
			body: `{"event_id":17,"event_type":"case.failed","data":{"caseId":12345678901234567890}}`,
			want: hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed/17", EntityID: "12345678901234567890"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := offload.Peek([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// The timestamp of a webhook that was sent late is not documented to be the case's updatedAt, which GET shows.
func TestAQuestionThatIsSentLateDoesNotReopenACase(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time {
		return time.UnixMilli(1774131900000).UTC().Add(time.Duration(minute) * time.Minute)
	}
	c := lifecycle.Begin(workflows.CaseStart{Reference: "r1", Request: new(workflows.CaseRequest)}.Normalized(), at(0), at(0))
	c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: "c1"}, at(0))
	asked := workflows.CaseFacts{
		CaseID: "c1", Status: workflows.OffloadInputNeeded, UpdatedAt: at(10), Question: &workflows.Question{ID: "q1", Text: "Which?", Status: workflows.QuestionPending},
	}
	goesOn := workflows.CaseFacts{CaseID: "c1", Status: workflows.OffloadRunning, UpdatedAt: at(20)}
	for _, shown := range []workflows.CaseFacts{asked, goesOn} {
		snapshot := workflows.CaseSnapshot{Facts: shown, ReadAt: shown.UpdatedAt}
		c = lifecycle.Reconciled(c, workflows.ReconcileCaseParams{CaseID: "c1"}, snapshot, shown.UpdatedAt)
	}
	require.Equal(t, workflows.CaseRunning, c.State.Status)

	late, err := offload.Parse(fmt.Appendf(nil, `{"event_id":"evt_c1_case_input_needed_%d","event_type":"case.input_needed","timestamp":%d,"data":{
		"caseId":"c1","inputRequestId":"q1","inputRequest":"Which?","inputRequestStatus":"PENDING"}}`, at(10).UnixMilli(), at(30).UnixMilli()),
		workflows.EventMeta{ReceivedAt: at(30)})
	require.NoError(t, err)
	c, _ = lifecycle.Receive(c, late.Event, at(30))
	require.Equal(t, workflows.CaseRunning, c.State.Status)
	require.Empty(t, lifecycle.Attention(c.State))
}

// A sender that fills in the same event_id each time does not lose the end of a case.
func TestAQuestionAndAnEndWithOneEventIDAreTwoEvents(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1774131900000).UTC()
	for _, id := range []string{`7`, `"undefined"`, `" "`, `"c1/q1"`, `"c1/COMPLETED"`} {
		c := lifecycle.Begin(workflows.CaseStart{Reference: "r1", Request: new(workflows.CaseRequest)}.Normalized(), at, at)
		c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: "c1"}, at)
		for _, rest := range []string{
			`"event_type":"case.input_needed","timestamp":1774131900000,"data":{"caseId":"c1","inputRequestId":"q1","inputRequest":"Which?"}`,
			`"event_type":"case.completed","timestamp":1774131960000,"data":{"caseId":"c1","status":"COMPLETED","result":{},"attachments":[]}`,
		} {
			c = receive(t, c, []byte(`{"event_id":`+id+`,`+rest+`}`), at)
		}
		require.Equal(t, workflows.CaseCompleted, c.State.Status, id)
	}
}

// receive hands a body to the rules of a case, with the key that the inbox and the relay pass on.
func receive(t *testing.T, c lifecycle.Case, body []byte, at time.Time) lifecycle.Case {
	t.Helper()
	envelope, err := offload.Peek(body)
	require.NoError(t, err)
	parsed, err := offload.Parse(body, workflows.EventMeta{DedupeKey: envelope.DedupeKey, ReceivedAt: at})
	require.NoError(t, err)
	c, _ = lifecycle.Receive(c, parsed.Event, at)
	return c
}

func TestAnEventOfAnUnreadableKindKeepsItsID(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{`null`, `{}`, `"a\u0000"`, `"` + strings.Repeat("x", 101) + `"`} {
		got, err := offload.Peek([]byte(`{"event_type":` + kind + `,"data":{"caseId":"c1"}}`))
		require.ErrorIs(t, err, hook.ErrUnparseable, kind)
		require.Equal(t, "c1", got.EntityID, kind)
	}
}

func TestPeekRefusesABodyThatIsNotAnEvent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	tests := []struct{ name, body, says string }{
		{"nothing", ``, "not a JSON object"},
		{"broken JSON", `{"event_type":`, "not a JSON object"},
		{"a list", `[]`, "another JSON value"},
		{"null", `null`, "another JSON value"},
		{"no kind", `{"data":{"caseId":"c1"}}`, "event_type is missing"},
		{"a kind that is no text", `{"event_type":{},"data":{"caseId":"c1"}}`, "event_type is missing"},
		{"an absurd kind", fmt.Sprintf(`{"event_type":%q}`, long), "event_type has 10000 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := offload.Peek([]byte(tt.body))
			require.ErrorIs(t, err, hook.ErrUnparseable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestAnUnusableFieldNeverMakesAnEventDead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	for _, tt := range []struct{ field, value string }{
		{"data.clientReferenceId", `"PO 7781\tBranch North"`},
		{"data.clientReferenceId", `"a\nb"`},
		{"data.clientReferenceId", `"` + strings.Repeat("x", 1001) + `"`},
		{"data.clientReferenceId", `{}`},
		{"data.status", `"` + long + `"`},
		{"data.status", `["FAILED"]`},
		{"data.inputRequestId", `"` + long + `"`},
		{"data.inputRequestId", `"\u0000"`},
		{"event_id", `"` + long + `"`},
		{"event_id", `{}`},
		{"timestamp", `"soon"`},
		{"timestamp", `"9999-01-01T00:00:00Z"`},
		{"timestamp", `86400000`},
	} {
		name, inData := strings.CutPrefix(tt.field, "data.")
		body := fmt.Sprintf(`{"event_type":"case.failed",%q:%s,"data":{"caseId":"c1"}}`, name, tt.value)
		if inData {
			body = fmt.Sprintf(`{"event_type":"case.failed","data":{"caseId":"c1",%q:%s}}`, name, tt.value)
		}
		got, err := offload.Peek([]byte(body))
		require.NoError(t, err, tt.field)
		require.Equal(t, hook.Envelope{Kind: "case.failed", DedupeKey: "case.failed:c1/FAILED", EntityID: "c1", Lost: []string{tt.field}}, got)
	}
}

func TestAByteOrderMarkBeforeAnEventIsSkipped(t *testing.T) {
	t.Parallel()
	got, err := offload.Peek([]byte("\xef\xbb\xbf" + `{"event_id":"e","event_type":"case.failed","data":{"caseId":"c1"}}`))
	require.NoError(t, err)
	require.Equal(t, "case.failed/e", got.DedupeKey)
}

// The URL of a case names it, so its end needs no caseId. On the shared route nothing else names the case.
func TestOnlyTheSharedRouteNeedsAUsableCaseID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		data string
		lost []string
	}{
		{`null`, nil},
		{`{}`, nil},
		{`"c1"`, []string{"data"}},
		{`{"caseId":null}`, nil},
		{`{"caseId":{}}`, []string{"data.caseId"}},
		{`{"caseId":" "}`, []string{"data.caseId"}},
		{`{"caseId":"` + strings.Repeat("x", 10_000) + `"}`, []string{"data.caseId"}},
		{`{"caseId":"c\u0000"}`, []string{"data.caseId"}},
		{"{\"caseId\":\"\xff\"}", []string{"data.caseId"}},
	} {
		body := []byte(`{"event_type":"case.completed","data":` + tt.data + `}`)
		want := hook.Envelope{Kind: "case.completed", DedupeKey: "case.completed:/COMPLETED", Lost: tt.lost}
		got, err := offload.Peek(body)
		require.NoError(t, err, tt.data)
		require.Equal(t, want, got)
		parsed, err := offload.Parse(body, meta())
		require.NoError(t, err, tt.data)
		require.Equal(t, want, parsed.Envelope)
		got, err = offload.PeekShared(body)
		require.ErrorIs(t, err, hook.ErrUnparseable)
		require.ErrorContains(t, err, "data.caseId is missing")
		require.Equal(t, want, got, "the dead delivery has its kind")
	}
	_, err := offload.PeekShared([]byte(`{"event_type":"case.completed","data":{"caseId":"c1"}}`))
	require.NoError(t, err)
	ignored, err := offload.PeekShared([]byte(`{"event_type":"case.archived"}`))
	require.NoError(t, err)
	require.NotEmpty(t, ignored.Ignored)
}

func BenchmarkPeek(b *testing.B) {
	body := seed(b, "completed.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := offload.Peek(body); err != nil {
			b.Fatal(err)
		}
	}
}
