package workflows_test

import (
	"encoding/json"
	"strconv"
	"strings"
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

func TestAnInvalidStartNamesEachFieldAndTheFix(t *testing.T) {
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
		"reference with tab":  {func(s *workflows.CaseStart) { s.Request.ClientReferenceID = "PO 7781\tBranch North" }, []string{"request.clientReferenceId", `\t`}},
		"reference with line": {func(s *workflows.CaseStart) { s.Request.ClientReferenceID = "PO 7781\nBranch North" }, []string{"request.clientReferenceId"}},
		"long reference":      {func(s *workflows.CaseStart) { s.Request.ClientReferenceID = strings.Repeat("x", 1001) }, []string{"request.clientReferenceId: 1001 bytes, at most 1000"}},
		"account":             {func(s *workflows.CaseStart) { s.Account = "a\x00b" }, []string{"account"}},
		"caseId":              {func(s *workflows.CaseStart) { s.Request, s.CaseID = nil, "id\n" }, []string{"caseId"}},
		"long caseId":         {func(s *workflows.CaseStart) { s.Request, s.CaseID = nil, strings.Repeat("x", 3000) }, []string{"caseId: 3000 bytes, at most 250"}},
		"objective":           {func(s *workflows.CaseStart) { s.Request.Goal.Objective = strings.Repeat("x", 32769) }, []string{"request.goal.objective: 32769 bytes, at most 32768: shorten it"}},
		"escapes count":       {func(s *workflows.CaseStart) { s.Request.Goal.Objective = strings.Repeat("<", 10_000) }, []string{"request.goal.objective: 60000 bytes in JSON"}},
		"counterparty":        {func(s *workflows.CaseStart) { s.Request.Counterparty.Timezone = strings.Repeat("x", 501) }, []string{"counterparty.timezone"}},
		"persona":             {func(s *workflows.CaseStart) { s.Request.SenderPersona.Tone = strings.Repeat("x", 501) }, []string{"senderPersona.tone"}},
		"large metadata":      {func(s *workflows.CaseStart) { s.Request.Metadata = jsonObject(256 << 10) }, []string{"request.metadata"}},
		"metadata of escapes": {func(s *workflows.CaseStart) {
			s.Request.Metadata = json.RawMessage(`{"x":"` + strings.Repeat("<", 50_000) + `"}`)
		}, []string{"request.metadata"}},
		"the whole": {func(s *workflows.CaseStart) {
			s.Request.Metadata, s.Request.ResultSchema = jsonObject(250<<10), jsonObject(200<<10)
		}, []string{"request: about", "shorten"}},
		"constraints":  {func(s *workflows.CaseStart) { s.Request.Constraints = make([]string, 101) }, []string{"request.constraints: 101"}},
		"a constraint": {func(s *workflows.CaseStart) { s.Request.Constraints = []string{"", strings.Repeat("x", 40_000)} }, []string{"request.constraints[1]: 40000"}},
		"custom data": {func(s *workflows.CaseStart) {
			s.Request.Counterparty.CustomData = map[string]string{"a\n": strings.Repeat("x", 40_000)}
		}, []string{"customData.a"}},
		"many attempts":     {func(s *workflows.CaseStart) { n := 1001; s.Request.MaxAttempts = &n }, []string{"maxAttempts: 1001"}},
		"late follow-up":    {func(s *workflows.CaseStart) { n := 100_000; s.Request.FollowUpDelay = &n }, []string{"followUpDelayHours: 100000"}},
		"late deadline":     {func(s *workflows.CaseStart) { s.Options.Deadline = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }, []string{"options.deadline: the year 9999", "2200-01-01"}},
		"beyond JSON":       {func(s *workflows.CaseStart) { s.Options.Deadline = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"options.deadline"}},
		"early deadline":    {func(s *workflows.CaseStart) { s.Options.Deadline = time.Unix(1, 0) }, []string{"options.deadline: the year 1970", "2000-01-01"}},
		"long pause":        {func(s *workflows.CaseStart) { s.Options.RemindAfter = workflows.Duration(200_000 * time.Hour) }, []string{"options.remindAfter", "ten years"}},
		"reply to no ASCII": {func(s *workflows.CaseStart) { s.ReplyTo = &workflows.ReplyTo{WorkflowID: "größe", Signal: "x"} }, []string{"replyTo.workflowId", "ASCII"}},
		"reply too long": {func(s *workflows.CaseStart) {
			s.ReplyTo = &workflows.ReplyTo{WorkflowID: strings.Repeat("x", 1001), Signal: "x"}
		}, []string{"replyTo.workflowId: 1001 bytes, at most 255"}},
		"reply":               {func(s *workflows.CaseStart) { s.ReplyTo = &workflows.ReplyTo{Signal: "x"} }, []string{"replyTo"}},
		"negative reconcile":  {func(s *workflows.CaseStart) { s.Options.ReconcileAfter = -1 }, []string{"reconcileAfter"}},
		"ceiling below floor": {func(s *workflows.CaseStart) { s.Options.PollFloor, s.Options.PollCeiling = 20, 10 }, []string{"pollCeiling"}},
		"reminders in a loop": {func(s *workflows.CaseStart) { s.Options.RemindAfter = 1 }, []string{"options.remindAfter: 1ns, at least 1m0s"}},
		"reminders too often": {func(s *workflows.CaseStart) { s.Options.RemindAfter = workflows.MinRemindAfter - 1 }, []string{"options.remindAfter"}},
		"looks in a loop":     {func(s *workflows.CaseStart) { s.Options.PollFloor = 1 }, []string{"options.pollFloor: 1ns, at least 10ms"}},
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

// jsonObject returns a JSON object of so many bytes.
func jsonObject(bytes int) json.RawMessage {
	return json.RawMessage(`{"x":"` + strings.Repeat("x", bytes-len(`{"x":""}`)+1) + `"}`)
}

func TestTheShortestTimesAreAccepted(t *testing.T) {
	t.Parallel()
	start := goodStart()
	start.Options = workflows.CaseOptions{RemindAfter: workflows.MinRemindAfter, PollFloor: workflows.MinPollFloor, PollCeiling: workflows.MinPollFloor}
	require.NoError(t, start.Normalized().Validate())

	start.Options = workflows.CaseOptions{ReconcileAfter: 1, QuestionExpiresAfter: 1}
	start = start.Normalized()
	require.NoError(t, start.Validate(), "what comes once may come at once")
	require.Equal(t, workflows.MinPollFloor, start.Options.PollFloor, "a default is always within the bound")
}

func TestTheLargestStartOfEachKindIsAccepted(t *testing.T) {
	t.Parallel()
	start := goodStart()
	start.Request.ClientReferenceID = strings.Repeat("x", 1000)
	start.Request.Metadata = jsonObject(256<<10 - 1)
	start.Request.Goal.Objective = strings.Repeat("x", 32<<10)
	start.Options.Deadline = workflows.MaxTime
	start.Options.RemindAfter = workflows.MaxDuration
	start.ReplyTo = &workflows.ReplyTo{WorkflowID: strings.Repeat("x", 255), Signal: strings.Repeat("s", 255)}
	require.NoError(t, start.Normalized().Validate())
}

// FuzzAnAcceptedStartIsSmallOnTheWire shows that escapes, lists and names are counted.
func FuzzAnAcceptedStartIsSmallOnTheWire(f *testing.F) {
	f.Add("PO 7781", "Obtain a signed W-9", "de-AT", `{"a":"b"}`, 3)
	f.Add("<<<", strings.Repeat("<", 5000), "\x00\u2028", `{"a":"<\u2028>"}`, 100)
	f.Add("x", strings.Repeat("\x01", 5400), strings.Repeat("&", 83), `{"a":"`+strings.Repeat("x", 200_000)+`"}`, 200)
	f.Fuzz(func(t *testing.T, reference, objective, word, metadata string, n int) {
		start := goodStart()
		r := start.Request
		r.ClientReferenceID, r.Goal.Objective, r.Metadata = reference, objective, json.RawMessage(metadata)
		r.SenderPersona.Tone, r.Counterparty.Company = word, word
		for i := range max(0, min(n, 200)) {
			r.Constraints = append(r.Constraints, word)
			if r.Counterparty.CustomData == nil {
				r.Counterparty.CustomData = map[string]string{}
			}
			r.Counterparty.CustomData[word+strconv.Itoa(i)] = objective
		}
		if start.Normalized().Validate() != nil {
			return
		}
		wire, err := json.Marshal(start)
		require.NoError(t, err)
		require.LessOrEqual(t, len(wire), workflows.MaxStartBytes)
	})
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
