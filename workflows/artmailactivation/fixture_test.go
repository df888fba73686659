package artmailactivation_test

import (
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// yes is an answer.
var yes = true

var waiter = &workflows.ReplyTo{WorkflowID: "order/7", Signal: "approval"}

func event(kind, key string, minutes float64) workflows.ActivationEvent {
	return workflows.ActivationEvent{EventMeta: workflows.EventMeta{
		DeliveryID: "dlv_" + kind + key, DedupeKey: kind + ":" + key, Kind: kind, OccurredAt: at(minutes), ReceivedAt: at(minutes),
	}}
}

func activated() workflows.ActivationEvent {
	e := event(workflows.KindAgentActivated, "act_1", 0)
	e.SealedAPIKey, e.APIKeyFingerprint = []byte("sealed"), []byte("print")
	e.User = &workflows.ActivationUser{ID: "usr_1", Email: "brand@example.com"}
	return e
}

func paused(minutes float64) workflows.ActivationEvent {
	e := event(workflows.KindAgentPaused, fmt.Sprint(minutes), minutes)
	e.Reason = "user_paused"
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
	e.MessageID, e.InResponseToID, e.Approved = messageID, requestID, &approved
	return e
}

func forceFailed(minutes float64, runID string) workflows.ActivationEvent {
	e := event(workflows.KindRunForceFailed, runID, minutes)
	e.RunID, e.Reason, e.StaleMinutes = runID, "stale", 16
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

func requests(list ...workflows.ApprovalRequest) []workflows.ApprovalRequest { return list }
