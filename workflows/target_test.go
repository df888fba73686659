package workflows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestNamesOfCallbacksAreBounded(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range workflows.MaxNotify {
		many = append(many, fmt.Sprint("c", i))
	}
	for _, names := range [][]string{nil, {"finance"}, {"a.b_c-D9", strings.Repeat("x", 64)}, many} {
		require.NoError(t, workflows.ValidateNotify(names))
	}
	for says, names := range map[string][]string{
		"21 callbacks, at most 20":     append(many, "one more"),
		`notify[1]: "a" is named twic`: {"a", "a"},
		"notify[0]":                    {""},
		"1 to 64 characters":           {strings.Repeat("x", 65)},
		`"https://evil.example/"`:      {"https://evil.example/"},
		`"größe"`:                      {"größe"},
	} {
		require.ErrorContains(t, workflows.ValidateNotify(names), says)
		require.ErrorContains(t, workflows.ValidateApprovalRequests([]workflows.ApprovalRequest{{MessageID: "m", Notify: names}}), says)
		start := workflows.CaseStart{Reference: "r", CaseID: "c", Notify: names}.Normalized()
		require.ErrorContains(t, start.Validate(), says)
		require.ErrorContains(t, workflows.FilesStart{Reference: "r", Account: "a", CaseID: "c", Notify: names}.Validate(), says)
	}
}

func TestTheHandOverWorkflowIDIsTheActivationsAndFitsEveryDatabase(t *testing.T) {
	t.Parallel()
	require.Equal(t, "pages/act_1", workflows.HandOverWorkflowID("pages", "act_1"))
	require.Equal(t, "pages/a%2Fb", workflows.HandOverWorkflowID("pages", "a/b"))
	long := workflows.HandOverWorkflowID(strings.Repeat("a", 100), strings.Repeat("ä", 125))
	require.LessOrEqual(t, len(long), workflows.MaxWorkflowIDBytes)
	require.NotEqual(t, long, workflows.HandOverWorkflowID(strings.Repeat("a", 100), strings.Repeat("ä", 124)+"b"))
}

func TestATargetHasAReadableName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "workflow app", workflows.ReplyTo{WorkflowID: "app", Signal: "s"}.Target().String())
	require.Equal(t, "callback finance", workflows.Target{Callback: "finance"}.String())
	require.Equal(t, "hand-over", workflows.Target{HandOver: true}.String())
}
