package offload_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestFitRemovesAndNamesPartsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	large, small := json.RawMessage(`"`+strings.Repeat("x", 5000)+`"`), json.RawMessage(`{"a":1}`)
	reason := string(large)
	files := []workflows.Attachment{{ID: "f1"}}
	manyFiles := make([]workflows.Attachment, 100)
	for i := range manyFiles {
		manyFiles[i].ID = "f"
	}
	question := &workflows.Question{ID: "q1", Text: reason, Status: "PENDING"}
	asked := &workflows.Question{ID: "q1", Status: "PENDING"}
	tests := []struct {
		name  string
		facts workflows.CaseFacts
		want  workflows.CaseFacts
	}{
		{"a small event is as it was", workflows.CaseFacts{Result: small, Metadata: small, Attachments: files}, workflows.CaseFacts{Result: small, Metadata: small, Attachments: files}},
		{
			"the metadata goes first",
			workflows.CaseFacts{CaseID: "c", Result: small, Metadata: large, Attachments: files},
			workflows.CaseFacts{CaseID: "c", Result: small, Attachments: files, Omitted: []string{"metadata"}},
		},
		{
			"but not where only the result is large",
			workflows.CaseFacts{CaseID: "c", Result: large, Metadata: small, Attachments: files},
			workflows.CaseFacts{CaseID: "c", Metadata: small, Attachments: files, Omitted: []string{"result"}},
		},
		{
			"escapes count: a result of 900 angle brackets has 5,400 bytes",
			workflows.CaseFacts{CaseID: "c", Result: json.RawMessage(`"` + strings.Repeat("<", 900) + `"`)},
			workflows.CaseFacts{CaseID: "c", Omitted: []string{"result"}},
		},
		{
			"then both",
			workflows.CaseFacts{CaseID: "c", Result: large, Metadata: large, Attachments: files},
			workflows.CaseFacts{CaseID: "c", Attachments: files, Omitted: []string{"metadata", "result"}},
		},
		{
			"then the attachments",
			workflows.CaseFacts{CaseID: "c", Result: small, Attachments: manyFiles},
			workflows.CaseFacts{CaseID: "c", Omitted: []string{"attachments", "result"}},
		},
		{
			"a failure reason and a question's text go at last; its ID stays",
			workflows.CaseFacts{CaseID: "c", Status: "FAILED", Channel: "EMAIL", FailureReason: &reason, Question: question},
			workflows.CaseFacts{CaseID: "c", Status: "FAILED", Channel: "EMAIL", Question: asked, Omitted: []string{"failureReason", "question"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, encoded, err := offload.Fit(workflows.CaseEvent{EventMeta: meta(), Facts: tt.facts}, 4000)
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Facts)
			require.LessOrEqual(t, len(encoded), 4000)
			var decoded workflows.CaseEvent
			require.NoError(t, json.Unmarshal(encoded, &decoded))
			require.Equal(t, got, decoded)
		})
	}
	require.Equal(t, reason, question.Text, "the argument is not changed")
	t.Run("IDs that are too large are refused", func(t *testing.T) {
		t.Parallel()
		_, _, err := offload.Fit(workflows.CaseEvent{Facts: workflows.CaseFacts{CaseID: strings.Repeat("x", 250)}}, 200)
		require.ErrorIs(t, err, hook.ErrUnparseable)
	})
}

// signalBytes is about what one signal carries.
const signalBytes = 254 << 10

func TestACompletedCaseKeepsItsResultAndFilesBesideTooMuchMetadata(t *testing.T) {
	t.Parallel()
	body := `{"event_type":"case.completed","data":{"caseId":"c1","status":"COMPLETED","metadata":{"x":"` + strings.Repeat("m", 270<<10) + `"},
		"attachments":[{"attachmentId":"f1","name":"w9.pdf","size":904860,"type":"application/pdf"}],"result":{"signed":true}}}`
	got, encoded := fitted(t, body)
	require.LessOrEqual(t, len(encoded), signalBytes)
	require.JSONEq(t, `{"signed":true}`, string(got.Result))
	require.Equal(t, []workflows.Attachment{{ID: "f1", Name: "w9.pdf", Size: 904860, Type: "application/pdf"}}, got.Attachments)
	require.Equal(t, []string{"metadata"}, got.Omitted)
	require.True(t, got.Omits("metadata"))
}

func TestPartsThatTheProviderDoesNotLimitFitASignal(t *testing.T) {
	t.Parallel()
	const none = `"attachments":[],`
	file := `{"attachmentId":"f","name":"` + strings.Repeat("n", 5000) + `","type":"t","size":1}`
	for name, tt := range map[string]struct {
		field   string
		omitted []string
	}{
		"12,000 attachments":        {`"attachments":[` + strings.Repeat(`{"attachmentId":"f","size":1},`, 11_999) + `{"attachmentId":"f"}]`, []string{"attachments"}},
		"attachments of long names": {`"attachments":[` + strings.Repeat(file+",", 9) + file + `]`, nil},
		"a result of <":             {none + `"result":{"x":"` + strings.Repeat("<", 250<<10) + `"}`, []string{"result"}},
		"a reason of a mebibyte":    {none + `"failureReason":"` + strings.Repeat("r", 1<<20) + `"`, []string{"failureReason"}},
		"a question of a mebibyte":  {none + `"inputRequestId":"q1","inputRequest":"` + strings.Repeat("?", 1<<20) + `"`, []string{"question"}},
		"everything": {
			none + `"result":{"x":"` + strings.Repeat("r", 200<<10) + `"},"metadata":{"x":"` + strings.Repeat("m", 200<<10) + `"},"inputRequestId":"q1","inputRequest":"` + strings.Repeat("?", 1<<20) + `"`,
			[]string{"metadata", "question"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, encoded := fitted(t, `{"event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":"PO 1","status":"FAILED",`+tt.field+`}}`)
			require.LessOrEqual(t, len(encoded), signalBytes)
			require.Equal(t, tt.omitted, got.Omitted)
			require.Equal(t, "c1", got.CaseID)
			require.Equal(t, "PO 1", got.ClientReferenceID)
			require.Equal(t, "FAILED", got.Status)
			if tt.omitted == nil {
				require.Len(t, got.Attachments, 10, "a name is cut, not its file lost")
			}
			if got.Question != nil {
				require.Equal(t, "q1", got.Question.ID)
				require.NotEmpty(t, got.Question.Text)
			}
		})
	}
}

// The largest event whose texts JSON escapes still names its case and its question.
func TestTheLargestEventOfEscapedCharactersFitsASignal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fill, id string }{
		"angle brackets":     {"<", "<"},
		"control characters": {`\u0001`, "<"},
		"line separators":    {"\u2028", "\u2028"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "i" + strings.Repeat(c.id, (workflows.MaxIDBytes-1)/len(c.id))
			long := `"x` + strings.Repeat(c.fill, 50<<10) + `"`
			file := `{"attachmentId":"` + id + `","name":` + long + `,"type":` + long + `,"size":1}`
			got, encoded := fitted(t, `{"event_type":"case.failed","event_id":"`+id+`","data":{"caseId":"`+id+`","clientReferenceId":"`+id+`","status":"FAILED",
				"resultStatus":`+long+`,"failureReason":`+long+`,"metadata":{"x":`+long+`},"result":{"x":`+long+`},
				"inputRequestId":"`+id+`","inputRequest":`+long+`,"attachments":[`+strings.Repeat(file+",", 19)+file+`]}}`)
			require.LessOrEqual(t, len(encoded), signalBytes)
			require.Equal(t, []string{id, id}, []string{got.CaseID, got.ClientReferenceID})
			require.Equal(t, id, got.Question.ID)
			require.True(t, got.Omits(workflows.FieldResult), got.Omitted)
		})
	}
}

func fitted(t *testing.T, body string) (workflows.CaseFacts, json.RawMessage) {
	t.Helper()
	parsed, err := offload.Parse([]byte(body), meta())
	require.NoError(t, err)
	event, encoded, err := offload.Fit(parsed.Event, signalBytes)
	require.NoError(t, err)
	return event.Facts, encoded
}
