package offloadcase_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func withSchema(s *workflows.CaseStart) {
	s.Request.ResultSchema = json.RawMessage(`{"type":"object"}`)
}

func finds(verdict workflows.ResultVerdict, violations ...workflows.SchemaViolation) func(workflows.CheckResultParams) (workflows.ResultCheck, error) {
	return func(workflows.CheckResultParams) (workflows.ResultCheck, error) {
		return workflows.ResultCheck{Verdict: verdict, Violations: violations}, nil
	}
}

// Stories about checks of results against their resultSchema.
var resultStories = map[string]func() scenario{
	"completes with a result that matches": func() scenario {
		return scenario{
			start: start(replying, withSchema), provider: &provider{checks: finds(workflows.ResultMatches)},
			steps: []step{signals(5*minute, completed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, &workflows.ResultCheck{Verdict: workflows.ResultMatches}, w.outcome.ResultCheck)
				require.Equal(t, w.outcome, noticedOutcome(w))
				require.Equal(t, []workflows.CheckResultParams{{
					Schema: json.RawMessage(`{"type":"object"}`), Result: json.RawMessage(`{"signedW9Received":true}`),
				}}, w.scenario.provider.checked, "once")
				require.Equal(t, after(5*minute), w.ended)
			},
		}
	},
	"completes with a result off schema, known by polling": func() scenario {
		violation := workflows.SchemaViolation{At: "/amount", Reason: "it is of type string, want number"}
		return scenario{
			start: start(replying, withSchema), provider: &provider{truth: []truth{shows(completed(0), 40*minute)}, checks: finds(workflows.ResultOffSchema, violation)},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status, "never a failure")
				require.Equal(t, []workflows.SchemaViolation{violation}, w.outcome.ResultCheck.Violations)
				require.Equal(t, []string{"result_off_schema"}, w.outcome.Attention)
				require.Equal(t, []string{"case.completed"}, kinds(w))
				require.Equal(t, w.outcome, noticedOutcome(w), "the notice waits for the check")
			},
		}
	},
	"ends though the check fails": func() scenario {
		return scenario{
			start: start(replying, withSchema), provider: &provider{checks: func(workflows.CheckResultParams) (workflows.ResultCheck, error) {
				return workflows.ResultCheck{}, errors.New("no memory")
			}},
			steps: []step{signals(5*minute, completed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.ResultUnchecked, w.outcome.ResultCheck.Verdict)
				require.Contains(t, w.outcome.ResultCheck.Reason, "no memory")
				require.Empty(t, w.outcome.Attention)
				require.Equal(t, []string{"case.completed"}, kinds(w))
			},
		}
	},
	"fails without a result, so nothing is checked": func() scenario {
		return scenario{
			start: start(withSchema), provider: &provider{},
			steps: []step{signals(5*minute, caseFailed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Nil(t, w.outcome.ResultCheck)
				require.Empty(t, w.scenario.provider.checked)
			},
		}
	},
}
