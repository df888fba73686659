package signalbox

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ToDoKind is the kind of an item of the to-do list.
type ToDoKind string

// Kinds of items.
const (
	ToDoQuestion         ToDoKind = "question"           // a case has an open question
	ToDoQuestionExpired  ToDoKind = "question_expired"   // an open question got no answer in time
	ToDoCreateUncertain  ToDoKind = "create_uncertain"   // it is not known whether Offload created the case
	ToDoRequestRejected  ToDoKind = "request_rejected"   // Offload refused the request; the case waits for a corrected one
	ToDoResultOffSchema  ToDoKind = "result_off_schema"  // a result does not fit the request's resultSchema
	ToDoActivationPaused ToDoKind = "activation_paused"  // Artmail paused an activation because its deliveries failed
	ToDoNoAPIKey         ToDoKind = "no_api_key"         // an active activation has no API key
	ToDoRunStale         ToDoKind = "run_stale"          // Artmail is about to force-fail an inactive run
	ToDoResponseUnclear  ToDoKind = "response_unclear"   // a response says neither yes nor no, or not to which approval
	ToDoNoticesGivenUp   ToDoKind = "notices_given_up"   // notices could not be delivered
	ToDoWorkflowBroken   ToDoKind = "workflow_broken"    // a workflow failed or timed out in Temporal
	ToDoDeliveryDead     ToDoKind = "delivery_dead"      // a webhook can't be used
	ToDoDeliveryNoMatch  ToDoKind = "delivery_unmatched" // no case was found for a webhook
	ToDoDeliveryLate     ToDoKind = "delivery_late"      // the webhook of an end came after it, or an API key or answer after its activation's workflow was closed in Temporal
	// ToDoAttention is any other reason: see ToDoItem.Attention.
	ToDoAttention ToDoKind = "attention"
)

// ToDoKinds lists every kind.
func ToDoKinds() []ToDoKind {
	return []ToDoKind{
		ToDoQuestion, ToDoQuestionExpired, ToDoCreateUncertain, ToDoRequestRejected, ToDoResultOffSchema, ToDoActivationPaused, ToDoNoAPIKey,
		ToDoRunStale, ToDoResponseUnclear, ToDoNoticesGivenUp, ToDoWorkflowBroken, ToDoDeliveryDead, ToDoDeliveryNoMatch, ToDoDeliveryLate, ToDoAttention,
	}
}

// Action is what a person can do about an item.
type Action string

// Actions, with the method that carries each out.
const (
	ActionAnswer         Action = "answer"          // Case.ProvideInput
	ActionCancel         Action = "cancel"          // Case.Cancel
	ActionAdopt          Action = "adopt"           // Case.Adopt
	ActionRetryCreate    Action = "retry-create"    // Case.RetryCreate
	ActionReconcileNow   Action = "reconcile-now"   // Case.ReconcileNow
	ActionCloseRun       Action = "close-run"       // Activation.CloseRun
	ActionCancelApproval Action = "cancel-approval" // Activation.CancelApproval
	ActionResend         Action = "resend"          // Client.ResendNotices
	ActionDismiss        Action = "dismiss"         // Client.DismissNotices, or of a delivery in the inbox
	ActionReplay         Action = "replay"          // of a delivery in the inbox
	ActionRelease        Action = "release"         // of quarantined deliveries in the inbox
	ActionReset          Action = "reset"           // of the workflow, in Temporal
)

// toDoKinds has the kind and the actions of each reason for attention, most urgent first.
var toDoKinds = []struct {
	attention string
	kind      ToDoKind
	actions   []Action
}{
	{workflows.AttentionQuestionExpired, ToDoQuestionExpired, []Action{ActionAnswer, ActionCancel}},
	{workflows.AttentionInputNeeded, ToDoQuestion, []Action{ActionAnswer, ActionCancel}},
	{workflows.AttentionCreateUncertain, ToDoCreateUncertain, []Action{ActionAdopt, ActionRetryCreate, ActionCancel}},
	{workflows.AttentionCreateRejected, ToDoRequestRejected, []Action{ActionRetryCreate, ActionCancel}},
	{workflows.AttentionRunStale, ToDoRunStale, []Action{ActionCloseRun}},
	{workflows.AttentionPausedByFailure, ToDoActivationPaused, nil},
	{workflows.AttentionNoAPIKey, ToDoNoAPIKey, []Action{ActionRelease}},
	{workflows.AttentionResponseUnclear, ToDoResponseUnclear, []Action{ActionCancelApproval}},
	{workflows.AttentionNoticeGivenUp, ToDoNoticesGivenUp, []Action{ActionResend, ActionDismiss}},
	{workflows.AttentionResultOffSchema, ToDoResultOffSchema, nil},
	{workflows.AttentionAdoptRefused, ToDoAttention, []Action{ActionAdopt, ActionRetryCreate, ActionCancel}},
	{workflows.AttentionNotCreated, ToDoAttention, []Action{ActionCancel}},
	{workflows.AttentionUsageLimit, ToDoAttention, []Action{ActionCancel}},
	{workflows.AttentionUnauthorized, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionForbidden, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionCaseNotFound, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionAccount, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionUnknownStatus, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionUnreadable, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionUnreachable, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionAnswerDelayed, ToDoAttention, []Action{ActionCancel}},
}

// classify returns the kind of an execution and the actions it allows. A closed execution allows none, except a reset.
func classify(e execution) (kind ToDoKind, actions []Action) {
	switch e.Execution {
	case ExecutionFailed, ExecutionTimedOut:
		return ToDoWorkflowBroken, []Action{ActionReset}
	case ExecutionRunning, ExecutionCompleted, ExecutionCancelled, ExecutionTerminated:
	}
	for _, k := range toDoKinds {
		if !slices.Contains(e.Attention, k.attention) {
			continue
		}
		if kind == "" {
			kind = k.kind
		}
		for _, action := range k.actions {
			if e.Execution == ExecutionRunning && !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
	}
	if kind == "" {
		kind = ToDoAttention
	}
	return kind, actions
}
