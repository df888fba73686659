package signalbox

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// FuzzAFilterNeverLeavesItsQuotes puts any text into each field: the filter refuses it, or it stands between two quotes without a
// character that ends the string in Temporal or its databases.
func FuzzAFilterNeverLeavesItsQuotes(f *testing.F) {
	for _, seed := range []string{
		"vendor_2048", "", "'", `\'`, `"`, "`", "a' OR 1=1 --", "a%", "größe", "\x00", "a\xff", "ʼ", "＇", "\u2019", "')", "a\\", strings.Repeat("x", 400),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, where := range map[string]func() (conditions, error){
			"reference": func() (conditions, error) { return CaseFilter{Reference: text}.conditions() },
			"prefix":    func() (conditions, error) { return CaseFilter{ReferencePrefix: text}.conditions() },
			"caseId":    func() (conditions, error) { return CaseFilter{CaseID: text}.conditions() },
			"account":   func() (conditions, error) { return CaseFilter{Accounts: []string{text}}.conditions() },
			"attention": func() (conditions, error) { return CaseFilter{Attention: []string{text}}.conditions() },
			"state": func() (conditions, error) {
				return CaseFilter{States: []workflows.CaseStatus{workflows.CaseStatus(text)}}.conditions()
			},
			"agent": func() (conditions, error) { return ActivationFilter{Agents: []string{text}}.conditions() },
			"activation": func() (conditions, error) {
				return ActivationFilter{Agents: []string{"pages"}, ActivationID: text}.conditions()
			},
		} {
			got, err := where()
			if err != nil {
				require.ErrorIs(t, err, ErrInvalid, name)
				continue
			}
			query := got.query()
			require.Zero(t, strings.Count(query, "'")%2, "%s: %s", name, query)
			require.NotContains(t, query, `\`, name)
			require.NotContains(t, query, `"`, name)
			require.NotContains(t, query, "`", name)
			// Without the quoted values every query consists of these words only.
			var outside strings.Builder
			for i, part := range strings.Split(query, "'") {
				if i%2 == 0 {
					outside.WriteString(part)
				}
			}
			for _, word := range strings.FieldsFunc(outside.String(), func(r rune) bool { return strings.ContainsRune(" (),", r) }) {
				require.Contains(t, []string{
					"WorkflowType", "WorkflowId", "SignalboxState", "SignalboxAttention", "SignalboxCaseId", "SignalboxAccount", "=", "IN", "AND", "NOT", "STARTS_WITH",
				}, word, name)
			}
		}
	})
}

func FuzzACursorIsReadOrRefused(f *testing.F) {
	f.Add(encodeCursor(cursor{Filter: "f", Until: time.Unix(1, 0).UTC(), At: time.Unix(0, 5).UTC(), RunID: "r"}))
	f.Add(encodeCursor(toDoCursor{Filter: "f", Key: "k"}))
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"u":5}`)))
	f.Fuzz(func(t *testing.T, text string) {
		var c cursor
		if err := decodeCursor(text, &c); err != nil {
			require.True(t, errors.Is(err, ErrInvalid))
			return
		}
		var again cursor
		require.NoError(t, decodeCursor(encodeCursor(c), &again))
		require.Equal(t, encodeCursor(c), encodeCursor(again))
	})
}

func TestEachAttentionHasAKindOfEntry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attention []string
		execution ExecutionStatus
		kind      ToDoKind
		actions   []Action
	}{
		{[]string{"input_needed", "question_expired"}, ExecutionRunning, ToDoQuestionExpired, []Action{ActionAnswer, ActionCancel}},
		{[]string{"input_needed"}, ExecutionRunning, ToDoQuestion, []Action{ActionAnswer, ActionCancel}},
		{[]string{"adopt_refused", "create_uncertain"}, ExecutionRunning, ToDoCreateUncertain, []Action{ActionAdopt, ActionRetryCreate, ActionCancel}},
		{[]string{"no_api_key", "run_stale"}, ExecutionRunning, ToDoRunStale, []Action{ActionCloseRun, ActionRelease}},
		{[]string{"notice_given_up"}, ExecutionRunning, ToDoNoticesGivenUp, []Action{ActionResend, ActionDismiss}},
		{[]string{"conflict"}, ExecutionCompleted, ToDoAttention, nil},
		{[]string{"still_running", "input_needed"}, ExecutionCompleted, ToDoQuestion, nil},
		{[]string{workflows.AttentionResultOffSchema}, ExecutionCompleted, ToDoResultOffSchema, nil},
		{[]string{"of a later version"}, ExecutionRunning, ToDoAttention, nil},
		{[]string{"input_needed"}, ExecutionFailed, ToDoWorkflowBroken, []Action{ActionReset}},
		{nil, ExecutionTimedOut, ToDoWorkflowBroken, []Action{ActionReset}},
	} {
		kind, actions := classify(execution{Listed: Listed{Attention: c.attention, Execution: c.execution}})
		require.Equal(t, c.kind, kind, "%v", c.attention)
		require.Equal(t, c.actions, actions, "%v", c.attention)
	}
}

func TestAWorkflowIDNamesItsCaseOrActivation(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][3]string{
		"offload-case/a":                             {"a", "", ""},
		"notify/offload-case/a":                      {"a", "", ""},
		"offload-files/a":                            {"a", "", ""},
		"notify/offload-files/a":                     {"a", "", ""},
		"artmail-activation/pages/act%2F1":           {"", "pages", "act/1"},
		"notify/artmail-activation/pages/act%2F1":    {"", "pages", "act/1"},
		"artmail-activation/pages/sha256-0123456789": {"", "pages", ""},
		"offload-shared/x":                           {"", "", ""},
		"":                                           {"", "", ""},
	} {
		reference, agent, activationID := subjectOf(id)
		require.Equal(t, want, [3]string{reference, agent, activationID}, id)
	}
}
