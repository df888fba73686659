package workflows

import "time"

// ActivationStatus is the status of an Artmail activation.
type ActivationStatus string

// The life of an activation: UNKNOWN → ACTIVE ⇄ PAUSED → DEACTIVATED.
const (
	// ActivationUnknown: no event so far says whether the activation is active.
	ActivationUnknown ActivationStatus = "UNKNOWN"
	ActivationActive  ActivationStatus = "ACTIVE"
	ActivationPaused  ActivationStatus = "PAUSED"
	// ActivationDeactivated is final. If the brand activates the agent again, Artmail makes a new activationId.
	ActivationDeactivated ActivationStatus = "DEACTIVATED"
)

// ActivationStatuses lists every status of an activation, in the order of its life.
func ActivationStatuses() []ActivationStatus {
	return []ActivationStatus{ActivationUnknown, ActivationActive, ActivationPaused, ActivationDeactivated}
}

// Reasons why a person should look at an activation: values of SearchAttributeAttention.
const (
	AttentionPausedByFailure = "webhook_failure"  // Artmail paused it because deliveries failed
	AttentionNoAPIKey        = "no_api_key"       // the activation is active, but its API key, which only agent.activated has, has not arrived
	AttentionRunStale        = "run_stale"        // Artmail is about to force-fail a run for inactivity; ends with the next activity of the run, or an hour after the force-failure should have come; not while the activation is paused
	AttentionAPIKeyConflict  = "api_key_conflict" // a second agent.activated had another API key; ends seven days after the last such key
	AttentionResponseDropped = "response_dropped" // a response that came before its request was registered was removed for lack of room; ends seven days after the last one
	AttentionResponseUnclear = "response_unclear" // while an approval is open: a response to it says neither yes nor no, or one does not say which approval it answers; the latter ends after seven days
	AttentionCheckUnanswered = "check_unanswered" // no worker of the agent has answered "check-approval" for minutes; not while the activation is paused
)

// ActivationStart is the input of the workflow "artmail-activation".
type ActivationStart struct {
	Agent        string            `json:"agent"`
	ActivationID string            `json:"activationId"`
	Options      ActivationOptions `json:"options,omitzero"`
}

// ActivationEvent is a webhook of Artmail in the signal "artmail-events". It has documented fields only, because an undocumented one
// could hold the API key.
type ActivationEvent struct {
	EventMeta

	// Set by agent.activated. The ingress seals the key with APIKeyContext.
	SealedAPIKey []byte `json:"sealedApiKey,omitempty"`
	// APIKeyFingerprint is a keyed fingerprint of the key, made with APIKeyContext. It shows whether two events carry the same key; the
	// sealed bytes differ each time. If it is empty, the event's key counts as the same.
	APIKeyFingerprint []byte          `json:"apiKeyFingerprint,omitempty"`
	User              *ActivationUser `json:"user,omitempty"`

	// Set by approval_response. Approved is nil if the provider's value is not a boolean.
	MessageID      string `json:"messageId,omitempty"`
	InResponseToID string `json:"inResponseToId,omitempty"`
	Approved       *bool  `json:"approved,omitempty"`

	// Set by approval_response and run_force_failed.
	RunID string `json:"runId,omitempty"`

	// Reason is the brand user's reason in a response, and Artmail's own in a pause, a deactivation or a force-failed run.
	Reason string `json:"reason,omitempty"`

	// Set by run_force_failed, in minutes.
	StaleMinutes float64 `json:"staleMinutes,omitempty"`
}

// ActivationUser is the brand's user who activated the agent. It is personal data: never log it.
type ActivationUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// ActivationChange is the data of a notice "activation.…": documented fields of Artmail's event, and never the API key. If a person cancels the workflow,
// receivers get "activation.deactivated" with Status DEACTIVATED and Reason "cancelled in Signalbox", though at Artmail the activation goes on.
type ActivationChange struct {
	// Status is the activation's status after the event. A late event may not have changed it.
	Status ActivationStatus `json:"status"`
	// At is the provider's time of the event.
	At time.Time `json:"at"`
	// Reason is Artmail's reason for a pause or a deactivation.
	Reason string `json:"reason,omitempty"`
	// User and HasAPIKey are set in "activation.activated". HasAPIKey says whether the activation holds its API key.
	User      *ActivationUser `json:"user,omitempty"`
	HasAPIKey bool            `json:"hasApiKey,omitempty"`
}

// ActivationState is the result of the query "state".
type ActivationState struct {
	Agent        string           `json:"agent"`
	ActivationID string           `json:"activationId"`
	Status       ActivationStatus `json:"status"`
	// StatusAt is the provider's time of the event that set Status. Since is when Signalbox applied that event.
	StatusAt time.Time `json:"statusAt,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	// StatusReason is Artmail's reason for the last pause or the deactivation.
	StatusReason string `json:"statusReason,omitempty"`
	// WaitingFor says in sentences what happens next, and what a person can do; empty at the end.
	WaitingFor string          `json:"waitingFor,omitempty"`
	Attention  []string        `json:"attention,omitempty"`
	User       *ActivationUser `json:"user,omitempty"`
	// SealedAPIKey opens only with the keyring and for this activation. It is dropped at deactivation.
	SealedAPIKey  []byte     `json:"sealedApiKey,omitempty"`
	Approvals     []Approval `json:"approvals,omitempty"`
	Runs          []Run      `json:"runs,omitempty"`
	EventsApplied int        `json:"eventsApplied"`
	Duplicates    int        `json:"duplicates"`
	LateEvents    int        `json:"lateEvents"`
	// LastApplied is about the newest accepted webhook among the applied ones.
	LastApplied *AppliedEvent `json:"lastApplied,omitempty"`
	// Options are the options in force. Only the query has them, not the workflow's result.
	Options ActivationOptions `json:"options,omitzero"`
}

// ResealAPIKey is the argument of the update "reseal-api-key": the same API key, sealed again for the same activation. The workflow can't
// open the key, so the caller must make sure that it is the same.
type ResealAPIKey struct {
	SealedAPIKey []byte `json:"sealedApiKey"`
	// Replaces is the sealed key that the caller opened. If the activation now holds another one, the update is refused.
	Replaces []byte `json:"replaces"`
}

// APIKeyReceipt is the result of the update "reseal-api-key".
type APIKeyReceipt struct {
	// Resealed is false if the activation already held the new sealed key, because the call was repeated.
	Resealed bool `json:"resealed"`
}
