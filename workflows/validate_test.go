package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// argument is the argument of an update or signal.
type argument interface{ Validate() error }

var (
	longID   = strings.Repeat("x", 251)
	longText = strings.Repeat("x", 40_000)
	longWord = strings.Repeat("x", 501)
	endless  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

type approvals []workflows.ApprovalRequest

func (a approvals) Validate() error { return workflows.ValidateApprovalRequests(a) }

func TestArgumentsWithinTheLimitsAreAccepted(t *testing.T) {
	t.Parallel()
	id, word := strings.Repeat("x", 250), strings.Repeat("x", 500)
	reply := &workflows.ReplyTo{WorkflowID: strings.Repeat("w", 255), Signal: "on notice"}
	for _, in := range []argument{
		workflows.ProvideInput{QuestionID: id, Text: strings.Repeat("x", 32<<10), By: word},
		workflows.AdoptCase{CaseID: "größe/1 <x>", By: word},
		workflows.RetryCreate{},
		workflows.RetryCreate{Request: goodStart().Request},
		workflows.CancelCase{Reason: word},
		workflows.ReconcileNow{By: word},
		approvals{{MessageID: id, RunID: id, Subject: word, Deadline: workflows.MaxTime, ReplyTo: reply}},
		approvals{{MessageID: id}},
		workflows.CancelApproval{MessageID: id},
		workflows.OpenRun{RunID: id, ReplyTo: reply},
		workflows.CloseRun{RunID: id, Reason: "done"},
		workflows.TouchRuns{RunIDs: make500(id), At: workflows.MinTime},
		workflows.SelectNotices{},
		workflows.SelectNotices{IDs: make500(id), By: word},
		*reply,
	} {
		require.NoError(t, in.Validate(), "%T", in)
	}
}

// A caseId enters by an update, a start, an event and a read. Each door takes the same ones.
func TestEveryDoorTakesTheSameCaseIDs(t *testing.T) {
	t.Parallel()
	for id, usable := range map[string]bool{
		"4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f": true, "größe/1 <x>": true, "...": true, longID[:250]: true,
		"": false, " ": false, ".": false, "..": false, "id\n": false, "id\x9f": false, longID: false,
	} {
		start := goodStart()
		start.Reference, start.Request, start.CaseID = "r1", nil, id
		for door, err := range map[string]error{
			"ValidateCaseID": workflows.ValidateCaseID(id), "an adoption": workflows.AdoptCase{CaseID: id}.Validate(), "a start": start.Normalized().Validate(),
		} {
			require.Equal(t, usable, err == nil, "%s of %q: %v", door, id, err)
		}
		require.Equal(t, usable, workflows.CaseFacts{CaseID: id}.Bounded().CaseID != "", "an event of %q", id)
	}
}

func make500(id string) []string {
	ids := make([]string, 500)
	for i := range ids {
		ids[i] = id
	}
	return ids
}

func TestAnArgumentBeyondALimitNamesTheFieldAndTheFix(t *testing.T) {
	t.Parallel()
	badRequest := *goodStart().Request
	badRequest.Channel = "FAX"
	for _, c := range []struct {
		in   argument
		says string
	}{
		{workflows.ProvideInput{QuestionID: "q", Text: longText}, "text: 40000 bytes, at most 32768: shorten it"},
		{workflows.ProvideInput{QuestionID: "q", Text: strings.Repeat("<", 6000)}, "text: 36000 bytes in JSON, at most 32768"},
		{workflows.ProvideInput{QuestionID: "q", Text: " \n"}, "text: it is blank"},
		{workflows.ProvideInput{Text: "yes"}, "questionId: it is blank"},
		{workflows.ProvideInput{QuestionID: longID, Text: "yes"}, "questionId: 251 bytes, at most 250"},
		{workflows.ProvideInput{QuestionID: "q", Text: "yes", By: strings.Repeat("x", 1_200_000)}, "by: 1200000 bytes, at most 500"},
		{workflows.AdoptCase{CaseID: "id\n"}, `caseId: "id\n" has a control character`},
		{workflows.AdoptCase{CaseID: "id\x9f"}, "caseId: it is not UTF-8"},
		{workflows.AdoptCase{CaseID: "id\u0085"}, "caseId:"},
		{workflows.AdoptCase{CaseID: strings.Repeat("x", 3000)}, "caseId: 3000 bytes"},
		{workflows.AdoptCase{CaseID: "c", By: longWord}, "by: 501 bytes"},
		{workflows.RetryCreate{Request: &badRequest}, "request.channel"},
		{workflows.RetryCreate{By: longWord}, "by: 501 bytes"},
		{workflows.RetryCreate{RunID: longWord}, "runId: 501 bytes"},
		{workflows.CancelCase{Reason: longWord}, "reason: 501 bytes"},
		{workflows.CancelCase{By: longWord}, "by: 501 bytes"},
		{workflows.ReconcileNow{By: longWord}, "by: 501 bytes"},
		{approvals{{}}, "requests[0].messageId: it is blank"},
		{approvals{{MessageID: longID}}, "requests[0].messageId: 251"},
		{approvals{{MessageID: "m", RunID: "r\t"}}, "requests[0].runId:"},
		{approvals{{MessageID: "m", Deadline: endless}}, "requests[0].deadline: the year 9999: use a time between 2000-01-01 and 2200-01-01"},
		{approvals{{MessageID: "m", Subject: longWord}}, "requests[0].subject: 501"},
		{approvals{{MessageID: "m", ReplyTo: &workflows.ReplyTo{WorkflowID: strings.Repeat("x", 1001), Signal: "s"}}}, "requests[0].replyTo.workflowId: 1001 bytes, at most 255"},
		{approvals{{MessageID: "m"}, {}}, "invalid argument: requests[1].messageId: it is blank"},
		{workflows.CancelApproval{MessageID: longID}, "messageId: 251"},
		{workflows.CancelApproval{MessageID: "m", Reason: longWord}, "reason: 501"},
		{workflows.CancelApproval{MessageID: "m", By: longWord}, "by: 501"},
		{workflows.OpenRun{}, "runId: it is blank"},
		{workflows.OpenRun{RunID: "r", ReplyTo: &workflows.ReplyTo{WorkflowID: "größe", Signal: "s"}}, "replyTo.workflowId: \"größe\" has a character that is not printable ASCII"},
		{workflows.OpenRun{RunID: "r", ReplyTo: &workflows.ReplyTo{WorkflowID: "w"}}, "replyTo.signal: it is missing"},
		{workflows.OpenRun{RunID: "r", ReplyTo: &workflows.ReplyTo{WorkflowID: "artmail-activation/a/b", Signal: "activation-options"}}, "replyTo.workflowId: \"artmail-activation/a/b\" is a workflow of Signalbox: name one of your own"},
		{workflows.ReplyTo{WorkflowID: "temporal-sys-scheduler:nightly", Signal: "update"}, "workflowId: \"temporal-sys-scheduler:nightly\" is a system workflow of Temporal: name one of your own"},
		{workflows.OpenRun{RunID: "r", ReplyTo: &workflows.ReplyTo{WorkflowID: "temporal-sys-batcher", Signal: "s"}}, "is a system workflow of Temporal"},
		{approvals{{MessageID: "m", ReplyTo: &workflows.ReplyTo{WorkflowID: "offload-case/r", Signal: "reconcile-now"}}}, "is a workflow of Signalbox"},
		{workflows.CloseRun{RunID: longID}, "runId: 251"},
		{workflows.CloseRun{RunID: "r", Reason: longWord}, "reason: 501"},
		{workflows.CloseRun{RunID: "r", By: longWord}, "by: 501"},
		{workflows.TouchRuns{RunIDs: []string{"r", longID}}, "runIds[1]: 251"},
		{workflows.TouchRuns{RunIDs: make([]string, 501)}, "runIds: 501, at most 500"},
		{workflows.TouchRuns{At: endless}, "at: the year 9999"},
		{workflows.SelectNotices{IDs: []string{""}}, "ids[0]: it is blank"},
		{workflows.SelectNotices{By: longWord}, "by: 501"},
		{workflows.ReplyTo{WorkflowID: "w", Signal: strings.Repeat("x", 256)}, "signal: 256 bytes, at most 255"},
		{workflows.ReplyTo{WorkflowID: "w\n", Signal: "s"}, "workflowId:"},
	} {
		err := c.in.Validate()
		require.ErrorIs(t, err, workflows.ErrInvalidArgument, c.says)
		require.ErrorContains(t, err, c.says)
		require.Less(t, len(err.Error()), 4000, "an error stays readable whatever was sent")
	}
}
