package lifecycle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func withSchema(s *workflows.CaseStart) {
	s.Request.ResultSchema = json.RawMessage(`{"type":"object"}`)
}

var offSchema = workflows.ResultCheck{
	Verdict: workflows.ResultOffSchema, Violations: []workflows.SchemaViolation{{At: "/a", Reason: "it is of type `string`, want number"}},
}

func TestAnOutcomeWaitsForTheCheckOfItsResult(t *testing.T) {
	t.Parallel()
	c := received(running(replying, withSchema), completed(10), after(10))
	fx := lifecycle.Next(c, after(10))
	require.Equal(t, &workflows.CheckResultParams{Schema: json.RawMessage(`{"type":"object"}`), Result: completed(10).Facts.Result}, fx.ResultCheck)
	require.Nil(t, fx.HandOff)
	require.False(t, fx.Done)
	require.Contains(t, lifecycle.WaitingFor(c), "being checked")

	c = lifecycle.ResultChecked(c, *fx.ResultCheck, offSchema)
	fx = lifecycle.Next(c, after(10))
	require.Nil(t, fx.ResultCheck)
	outcome := fx.HandOff.Notices[0].Data.Outcome
	require.Equal(t, &offSchema, outcome.ResultCheck)
	require.Equal(t, []string{workflows.AttentionResultOffSchema}, outcome.Attention)
	require.Contains(t, lifecycle.Details(c), `it is of type \`+"`string")
	require.True(t, lifecycle.Next(handedOff(c), after(10)).Done)
}

func TestOnlyAResultOfOffloadWithASchemaIsChecked(t *testing.T) {
	t.Parallel()
	noResult := completed(10)
	noResult.Facts.Result = nil
	large := shows(workflows.OffloadCompleted, 10)
	large.Facts = large.Facts.Omitting(workflows.FieldResult)
	adopted := lifecycle.Begin(workflows.CaseStart{CaseID: caseID}.Normalized(), t0, t0)
	for name, c := range map[string]struct {
		c       lifecycle.Case
		checked bool
		says    workflows.ResultVerdict
	}{
		"no schema":            {c: received(running(), completed(10), after(10))},
		"adopted":              {c: received(adopted, completed(10), after(10))},
		"failed, no result":    {c: received(running(withSchema), failed(10), after(10))},
		"still running":        {c: running(withSchema)},
		"cancelled":            {c: lifecycle.Cancel(running(withSchema), workflows.CancelCase{}, after(10))},
		"completed, no result": {c: reconciled(running(withSchema), read(noResult), after(11)), checked: true},
		"by poll":              {c: reconciled(running(withSchema), read(completed(10)), after(11)), checked: true},
		"late":                 {c: received(lifecycle.Cancel(running(withSchema), workflows.CancelCase{}, after(9)), completed(10), after(10)), checked: true},
		"too large, no schema": {c: reconciled(running(), large, after(11))},
		"too large":            {c: reconciled(running(withSchema), large, after(11)), says: workflows.ResultUnchecked},
	} {
		require.Equal(t, c.checked, lifecycle.Next(c.c, after(12)).ResultCheck != nil, name)
		if check := lifecycle.Outcome(c.c).ResultCheck; c.says != "" {
			require.Equal(t, c.says, check.Verdict, name)
		} else {
			require.Nil(t, check, name)
		}
	}
}

// Offload's reference says that case.completed has its result "usually".
func TestACompletedCaseWithoutAResultIsReadBeforeItsCheck(t *testing.T) {
	t.Parallel()
	noResult := completed(10)
	noResult.Facts.Result = nil
	c := received(running(withSchema), noResult, after(10))
	requireStatus(t, workflows.CaseRunning, c)
	require.NotNil(t, lifecycle.Next(c, after(10)).Read)

	whole := readOnce(c, caseID, read(completed(10)), after(11))
	requireStatus(t, workflows.CaseCompleted, whole)
	require.Equal(t, workflows.NewsByWebhook, whole.State.Source)
	require.JSONEq(t, `{"signedW9Received":true}`, string(lifecycle.Next(whole, after(11)).ResultCheck.Result))
	for name, c := range map[string]lifecycle.Case{
		"GET has none either": readOnce(c, caseID, read(noResult), after(11)),
		"all reads lag":       lagging(c, 10),
		"the read fails":      readFailed(c, caseID, rules.Failure{Message: "no route"}, after(12)),
	} {
		requireStatus(t, workflows.CaseCompleted, c)
		require.Empty(t, lifecycle.Next(c, after(12)).ResultCheck.Result, name)
	}

	for name, c := range map[string]lifecycle.Case{
		"without a schema": received(running(), noResult, after(10)),
		"a failure":        received(running(withSchema), failed(10), after(10)),
		"known by a read":  received(reconciled(running(withSchema), read(completed(10)), after(10)), noResult, after(11)),
	} {
		require.True(t, c.State.Status.Ended(), name)
		require.Nil(t, lifecycle.Next(c, after(11)).Read, name)
	}
}

func TestAResultThatComesLateIsCheckedToo(t *testing.T) {
	t.Parallel()
	noResult := completed(10)
	noResult.Facts.Result = nil
	c := reconciled(running(withSchema), read(noResult), after(11))
	c = lifecycle.ResultChecked(c, *lifecycle.Next(c, after(11)).ResultCheck, offSchema)
	require.NotEmpty(t, lifecycle.Attention(c.State))
	c = received(c, completed(10), after(12))
	again := lifecycle.Next(c, after(12)).ResultCheck
	require.NotNil(t, again)
	c = lifecycle.ResultChecked(c, *again, workflows.ResultCheck{Verdict: workflows.ResultMatches})
	require.Empty(t, lifecycle.Attention(c.State))
	require.Nil(t, lifecycle.Next(c, after(12)).ResultCheck)
}

func TestAFailedCheckDoesNotDelayTheOutcome(t *testing.T) {
	t.Parallel()
	c := received(running(replying, withSchema), completed(10), after(10))
	c = lifecycle.ResultCheckFailed(c, *lifecycle.Next(c, after(10)).ResultCheck, rules.Failure{Message: strings.Repeat("<", 10_000)})
	require.NotNil(t, lifecycle.Next(c, after(10)).HandOff)
	check := lifecycle.Outcome(c).ResultCheck
	require.Equal(t, workflows.ResultUnchecked, check.Verdict)
	require.LessOrEqual(t, workflows.JSONLen(check.Reason), workflows.MaxShortTextBytes)
	require.Empty(t, lifecycle.Attention(c.State))
}

func TestDetailsSayWhatIsWrongWithAResult(t *testing.T) {
	t.Parallel()
	ended := received(running(withSchema), completed(10), after(10))
	details := func(check workflows.ResultCheck) string {
		return lifecycle.Details(lifecycle.ResultChecked(ended, *lifecycle.Next(ended, after(10)).ResultCheck, check))
	}
	require.NotContains(t, details(workflows.ResultCheck{Verdict: workflows.ResultMatches}), "Result check")
	unchecked := details(workflows.ResultCheck{Verdict: workflows.ResultUnchecked, Reason: "the schema is odd"})
	require.Contains(t, unchecked, "Result check: "+string(workflows.ResultUnchecked)+"\n\n> the schema is odd")

	violations := workflows.ResultCheck{Verdict: workflows.ResultOffSchema, Violations: []workflows.SchemaViolation{{Reason: "it is short"}, {At: "x", Reason: "it is odd"}}}
	require.Contains(t, details(violations), "> the result\\: it is short\n>\n> x\\: it is odd")
	require.NotContains(t, details(violations), "more")
	violations.More = 1
	require.Contains(t, details(violations), "it is odd\n>\n> and 1 more")
}
