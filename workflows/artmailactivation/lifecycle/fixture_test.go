package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// noon is when most stories begin; at(5) is five minutes later, at(-5) five earlier.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

var waiter = &workflows.ReplyTo{WorkflowID: "order/7", Signal: "approval"}

func start(options workflows.ActivationOptions) workflows.ActivationStart {
	return workflows.ActivationStart{Agent: "pages", ActivationID: "act_1", Options: options}
}

func newState() *lifecycle.State { return lifecycle.New(start(workflows.ActivationOptions{}), noon) }

func activeState(t testing.TB) *lifecycle.State {
	t.Helper()
	s := newState()
	apply(s, noon, activated(0, "key"))
	require.Equal(t, workflows.ActivationActive, s.Status)
	return s
}

func apply(s *lifecycle.State, now time.Time, events ...workflows.ActivationEvent) []lifecycle.Note {
	return s.Apply(events, now)
}

func event(kind, key string, minutes float64) workflows.ActivationEvent {
	return workflows.ActivationEvent{EventMeta: workflows.EventMeta{
		DeliveryID: "dlv_" + kind + key, DedupeKey: kind + ":" + key, Kind: kind, OccurredAt: at(minutes), ReceivedAt: at(minutes),
	}}
}

func activated(minutes float64, key string) workflows.ActivationEvent {
	e := event(workflows.KindAgentActivated, "act_1", minutes)
	e.SealedAPIKey, e.APIKeyFingerprint = []byte("sealed "+key), []byte("print "+key)
	e.User = &workflows.ActivationUser{ID: "usr_1", Email: "brand@example.com"}
	return e
}

func paused(minutes float64, reason string) workflows.ActivationEvent {
	e := event(workflows.KindAgentPaused, fmt.Sprint(minutes), minutes)
	e.Reason = reason
	return e
}

func resumed(minutes float64) workflows.ActivationEvent {
	return event(workflows.KindAgentResumed, fmt.Sprint(minutes), minutes)
}

func deactivated(minutes float64) workflows.ActivationEvent {
	e := event(workflows.KindAgentDeactivated, "act_1", minutes)
	e.Reason = "user_deactivated"
	return e
}

func response(minutes float64, messageID, requestID string, approved bool) workflows.ActivationEvent {
	e := event(workflows.KindApprovalResponse, messageID, minutes)
	e.MessageID, e.InResponseToID, e.Approved, e.Reason = messageID, requestID, &approved, "because of "+messageID
	return e
}

func forceFailed(minutes float64, runID string) workflows.ActivationEvent {
	e := event(workflows.KindRunForceFailed, runID, minutes)
	e.RunID, e.Reason, e.StaleMinutes = runID, "stale", 16
	return e
}

// redelivered is the same event with no memory of its dedupe key, as after a replay beyond the window of seen keys.
func redelivered(e workflows.ActivationEvent) workflows.ActivationEvent {
	e.DedupeKey += " again"
	return e
}

func request(messageID string) workflows.ApprovalRequest {
	return workflows.ApprovalRequest{MessageID: messageID, Subject: "Publish " + messageID + "?", ReplyTo: waiter}
}

func requestOfRun(messageID, runID string) workflows.ApprovalRequest {
	r := request(messageID)
	r.RunID = runID
	return r
}

func requestDue(messageID string, minutes float64) workflows.ApprovalRequest {
	r := request(messageID)
	r.Deadline = at(minutes)
	return r
}

func register(t testing.TB, s *lifecycle.State, now time.Time, requests ...workflows.ApprovalRequest) []workflows.Approval {
	t.Helper()
	approvals, err := s.Request(requests, now)
	require.NoError(t, err)
	return approvals
}

func approval(t testing.TB, s *lifecycle.State, messageID string) workflows.Approval {
	t.Helper()
	for _, a := range s.View().Approvals {
		if a.MessageID == messageID {
			return a
		}
	}
	require.Fail(t, "no such approval", messageID)
	return workflows.Approval{}
}

func run(t testing.TB, s *lifecycle.State, runID string) workflows.Run {
	t.Helper()
	for _, r := range s.View().Runs {
		if r.RunID == runID {
			return r
		}
	}
	require.Fail(t, "no such run", runID)
	return workflows.Run{}
}

func verdicts(notes []lifecycle.Note) []lifecycle.Verdict {
	var v []lifecycle.Verdict
	for _, n := range notes {
		v = append(v, n.Verdict)
	}
	return v
}

func requireRefused(t testing.TB, errType string, err error) {
	t.Helper()
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, errType, refusal.Type, refusal.Message)
}

// carried takes the state through JSON, as continue-as-new does.
func carried(t testing.TB, s *lifecycle.State) *lifecycle.State {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	var next lifecycle.State
	require.NoError(t, json.Unmarshal(b, &next))
	return next.Restore(s.Start)
}
