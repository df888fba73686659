package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func goodStart() workflows.CaseStart {
	return workflows.CaseStart{
		Reference: "vendor_2048",
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	}
}

func TestAStartIsCompletedWithItsDefaults(t *testing.T) {
	t.Parallel()
	start := goodStart()
	got := start.Normalized()
	require.NoError(t, got.Validate())
	require.Equal(t, "default", got.Account)
	require.Equal(t, "vendor_2048", got.Request.ClientReferenceID)
	require.Equal(t, 15*time.Minute, got.Options.ReconcileAfter.Std())
	require.Equal(t, time.Minute, got.Options.PollFloor.Std())
	require.Equal(t, time.Hour, got.Options.PollCeiling.Std())
	require.Empty(t, start.Request.ClientReferenceID, "the caller's request is not written to")
	require.Equal(t, got, got.Normalized(), "a second time changes nothing")

	adopted := workflows.CaseStart{CaseID: "4fc5904d"}.Normalized()
	require.NoError(t, adopted.Validate())
	require.Equal(t, "4fc5904d", adopted.Reference, "an adopted case is called by its caseId")

	start.Options.PollFloor = workflows.Duration(2 * time.Hour)
	require.NoError(t, start.Normalized().Validate(), "a floor above the default ceiling lifts the ceiling")
}

func TestAStartThatCannotBeCarriedOutNamesEachFieldAndTheFix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*workflows.CaseStart)
		says   []string
	}{
		"reference":           {func(s *workflows.CaseStart) { s.Reference = "a b" }, []string{"reference"}},
		"nothing to do":       {func(s *workflows.CaseStart) { s.Request = nil }, []string{"request or caseId"}},
		"both":                {func(s *workflows.CaseStart) { s.CaseID = "x" }, []string{"request and caseId"}},
		"channel":             {func(s *workflows.CaseStart) { s.Request.Channel = "FAX" }, []string{"request.channel", "EMAIL"}},
		"several at once":     {func(s *workflows.CaseStart) { *s.Request = workflows.CaseRequest{Channel: "EMAIL"} }, []string{"goal.objective", "counterparty.address", "counterparty.name", "senderPersona.name"}},
		"knowledge":           {func(s *workflows.CaseStart) { s.Request.Goal.Knowledge = json.RawMessage(`[1]`) }, []string{"goal.knowledge"}},
		"broken knowledge":    {func(s *workflows.CaseStart) { s.Request.Goal.Knowledge = json.RawMessage(`{`) }, []string{"goal.knowledge"}},
		"blank knowledge":     {func(s *workflows.CaseStart) { s.Request.Goal.Knowledge = json.RawMessage(` `) }, []string{"goal.knowledge"}},
		"result schema":       {func(s *workflows.CaseStart) { s.Request.ResultSchema = json.RawMessage(`"x"`) }, []string{"resultSchema"}},
		"metadata":            {func(s *workflows.CaseStart) { s.Request.Metadata = json.RawMessage(`3`) }, []string{"metadata"}},
		"attempts":            {func(s *workflows.CaseStart) { n := -1; s.Request.MaxAttempts = &n }, []string{"maxAttempts"}},
		"follow-up":           {func(s *workflows.CaseStart) { n := 0; s.Request.FollowUpDelay = &n }, []string{"followUpDelayHours"}},
		"reply":               {func(s *workflows.CaseStart) { s.ReplyTo = &workflows.ReplyTo{Signal: "x"} }, []string{"replyTo"}},
		"negative reconcile":  {func(s *workflows.CaseStart) { s.Options.ReconcileAfter = -1 }, []string{"reconcileAfter"}},
		"ceiling below floor": {func(s *workflows.CaseStart) { s.Options.PollFloor, s.Options.PollCeiling = 20, 10 }, []string{"pollCeiling"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := goodStart()
			c.change(&start)
			err := start.Normalized().Validate()
			require.ErrorIs(t, err, workflows.ErrInvalidStart)
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	var o workflows.CaseOptions
	require.NoError(t, json.Unmarshal([]byte(`{"reconcileAfter":"90s"}`), &o))
	require.Equal(t, 90*time.Second, o.ReconcileAfter.Std())
	out, err := json.Marshal(o)
	require.NoError(t, err)
	require.JSONEq(t, `{"reconcileAfter":"1m30s"}`, string(out))
	require.ErrorContains(t, json.Unmarshal([]byte(`{"reconcileAfter":"fifteen"}`), &o), "15m")
}
