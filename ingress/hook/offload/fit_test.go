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
		{
			"a failure reason, a question and the like go at last",
			workflows.CaseFacts{CaseID: "c", Status: "FAILED", Channel: "EMAIL", FailureReason: &reason},
			workflows.CaseFacts{CaseID: "c", Status: "FAILED", ResultOmitted: true},
		},
		{"then the metadata", workflows.CaseFacts{CaseID: "c", Metadata: large}, workflows.CaseFacts{CaseID: "c", ResultOmitted: true}},
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
	t.Run("IDs that are too large are refused", func(t *testing.T) {
		t.Parallel()
		_, _, err := offload.Fit(workflows.CaseEvent{Facts: workflows.CaseFacts{CaseID: reason}}, 4000)
		require.ErrorIs(t, err, hook.ErrUnparseable)
	})
}
