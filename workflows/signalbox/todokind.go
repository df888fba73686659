package signalbox

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ToDoKind is what a person is needed for.
type ToDoKind string

// Kinds of entries.
const (
	ToDoQuestion         ToDoKind = "question"          // a case asks something
	ToDoQuestionExpired  ToDoKind = "question_expired"  // and no answer came in time
	ToDoCreateUncertain  ToDoKind = "create_uncertain"  // whether Offload made the case is not known
	ToDoRequestRejected  ToDoKind = "request_rejected"  // Offload refused the request; a corrected one is awaited
	ToDoResultOffSchema  ToDoKind = "result_off_schema" // a result does not fit the request's resultSchema
	ToDoActivationPaused ToDoKind = "activation_paused" // Artmail paused an activation since deliveries failed
	ToDoNoAPIKey         ToDoKind = "no_api_key"        // an activation without its key
	ToDoRunStale         ToDoKind = "run_stale"         // a run that Artmail is about to end
	ToDoResponseUnclear  ToDoKind = "response_unclear"  // a brand's answer that says neither yes nor no
	ToDoNoticesGivenUp   ToDoKind = "notices_given_up"  // notices that were not delivered
	ToDoWorkflowBroken   ToDoKind = "workflow_broken"   // a workflow that failed or timed out in Temporal
	ToDoDeliveryDead     ToDoKind = "delivery_dead"     // a webhook that can't be read
	ToDoDeliveryNoMatch  ToDoKind = "delivery_unmatched"
	ToDoDeliveryLate     ToDoKind = "delivery_late" // the webhook of an end that came when the workflow was closed
	// ToDoAttention is any other attention: Attention says which.
	ToDoAttention ToDoKind = "attention"
)

// Action is what a person can do about an entry.
type Action string

// Actions, by the method that carries each out.
const (
	ActionAnswer         Action = "answer"          // Case.ProvideInput
	ActionCancel         Action = "cancel"          // Case.Cancel
	ActionAdopt          Action = "adopt"           // Case.Adopt
	ActionRetryCreate    Action = "retry-create"    // Case.RetryCreate
	ActionReconcileNow   Action = "reconcile-now"   // Case.ReconcileNow
	ActionCloseRun       Action = "close-run"       // Activation.CloseRun
	ActionCancelApproval Action = "cancel-approval" // Activation.CancelApproval
	ActionResend         Action = "resend"          // Client.ResendNotices
	ActionDismiss        Action = "dismiss"         // Client.DismissNotices
	ActionReplay         Action = "replay"          // of a delivery in the inbox
	ActionRelease        Action = "release"         // of quarantined deliveries in the inbox
	ActionReset          Action = "reset"           // of the workflow, in Temporal
)

// toDoKinds are the kind and the actions of each attention, the most pressing first.
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
	{"result_off_schema", ToDoResultOffSchema, nil},
	{workflows.AttentionAdoptRefused, ToDoAttention, []Action{ActionAdopt, ActionRetryCreate, ActionCancel}},
	{workflows.AttentionNotCreated, ToDoAttention, []Action{ActionCancel}},
	{workflows.AttentionUsageLimit, ToDoAttention, []Action{ActionCancel}},
	{workflows.AttentionUnauthorized, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionForbidden, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionCaseNotFound, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionAccount, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionUnknownStatus, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
	{workflows.AttentionUnreadable, ToDoAttention, []Action{ActionReconcileNow, ActionCancel}},
}

// classify is the kind of an execution, and what can be done about it. Nothing can be done here about one that is closed, except for the
// workflow of its notices.
func classify(f found) (kind ToDoKind, actions []Action) {
	switch f.Execution {
	case ExecutionFailed, ExecutionTimedOut:
		return ToDoWorkflowBroken, []Action{ActionReset}
	case ExecutionRunning, ExecutionCompleted, ExecutionCancelled, ExecutionTerminated:
	}
	for _, k := range toDoKinds {
		if !slices.Contains(f.Attention, k.attention) {
			continue
		}
		if kind == "" {
			kind = k.kind
		}
		for _, action := range k.actions {
			if f.Execution == ExecutionRunning && !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
	}
	if kind == "" {
		kind = ToDoAttention
	}
	return kind, actions
}
