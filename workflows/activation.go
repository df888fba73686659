package workflows

import (
	"strings"
	"time"
)

// ActivationStatus is where an Artmail activation stands.
type ActivationStatus string

// The life of an activation: UNKNOWN → ACTIVE ⇄ PAUSED → DEACTIVATED.
const (
	// ActivationUnknown: events came, but none yet that says whether it is active.
	ActivationUnknown ActivationStatus = "UNKNOWN"
	ActivationActive  ActivationStatus = "ACTIVE"
	ActivationPaused  ActivationStatus = "PAUSED"
	// ActivationDeactivated is terminal; the same brand activating again brings a new activationId.
	ActivationDeactivated ActivationStatus = "DEACTIVATED"
)

// Reasons why a person should look at an activation: values of SearchAttributeAttention.
const (
	AttentionPausedByFailure = "webhook_failure"  // Artmail paused it because deliveries failed
	AttentionNoAPIKey        = "no_api_key"       // it is active, but the key that is shown once never came
	AttentionRunStale        = "run_stale"        // a run is about to be force-failed for inactivity
	AttentionAPIKeyConflict  = "api_key_conflict" // a second agent.activated brought another key
	AttentionResponseUnclear = "response_unclear" // a response to an open approval says neither yes nor no
	AttentionCheckUnanswered = "check_unanswered" // for minutes no worker of the agent has answered "check-approval"
)

// ActivationStart is the input of the workflow "artmail-activation".
type ActivationStart struct {
	Agent        string            `json:"agent"`
	ActivationID string            `json:"activationId"`
	Options      ActivationOptions `json:"options,omitzero"`
}

// ActivationOptions come from the agent's configuration; the zero value of each means its default. A change there reaches the activations
// that run by SignalActivationOptions.
type ActivationOptions struct {
	// StaleAfter is Artmail's inactivity window. Default 15 minutes.
	StaleAfter Duration `json:"staleAfter,omitzero"`
	// WarnBefore is how long before the end of the window a run is warned about. Default 3 minutes.
	WarnBefore Duration `json:"warnBefore,omitzero"`
	// CheckApprovalQueue is the agent's own task queue where its activity "check-approval" runs. Empty: there is none.
	CheckApprovalQueue string `json:"checkApprovalQueue,omitempty"`
	// CheckFor is how long an approval whose deadline passed is checked before it expires. Default 10 minutes.
	CheckFor Duration `json:"checkFor,omitzero"`
}

// Defaults of ActivationOptions. The window is Artmail's ("run exceeded 15-minute inactivity").
const (
	DefaultStaleAfter = Duration(15 * time.Minute)
	DefaultWarnBefore = Duration(3 * time.Minute)
	DefaultCheckFor   = Duration(10 * time.Minute)
)

// Normalized fills in what was left out.
func (o ActivationOptions) Normalized() ActivationOptions {
	if o.StaleAfter == 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.WarnBefore == 0 {
		o.WarnBefore = min(DefaultWarnBefore, o.StaleAfter/2)
	}
	if o.CheckFor == 0 {
		o.CheckFor = DefaultCheckFor
	}
	return o
}

// Validate names every field that can't be used.
func (o ActivationOptions) Validate() error {
	var c check
	c.duration("staleAfter", o.StaleAfter)
	c.duration("warnBefore", o.WarnBefore)
	c.duration("checkFor", o.CheckFor)
	if o.CheckApprovalQueue != "" {
		c.ascii("options.checkApprovalQueue", o.CheckApprovalQueue, MaxTaskQueueBytes)
	}
	if strings.HasPrefix(o.CheckApprovalQueue, "/_sys/") {
		c.say("options.checkApprovalQueue: %q begins with /_sys/, which Temporal keeps for itself: use another one", clip(o.CheckApprovalQueue))
	}
	return c.err(ErrInvalidArgument)
}

// ActivationEvent is a webhook of Artmail as it travels in the signal "artmail-events". It has the documented fields only: one that is not
// documented may hold the API key.
type ActivationEvent struct {
	EventMeta

	// agent.activated. The key is sealed with APIKeyContext before it gets here.
	SealedAPIKey []byte `json:"sealedApiKey,omitempty"`
	// APIKeyFingerprint is a keyed fingerprint of the key, made with APIKeyContext: sealing the same key twice gives other bytes, and
	// only this tells a repeated key from another one. Empty: every further key counts as a repeat.
	APIKeyFingerprint []byte          `json:"apiKeyFingerprint,omitempty"`
	User              *ActivationUser `json:"user,omitempty"`

	// approval_response. Approved is nil where the provider's value is not a boolean.
	MessageID      string `json:"messageId,omitempty"`
	InResponseToID string `json:"inResponseToId,omitempty"`
	Approved       *bool  `json:"approved,omitempty"`

	// approval_response and run_force_failed.
	RunID string `json:"runId,omitempty"`

	// Reason is the brand user's on a response, and Artmail's own word on a pause, an end or a force-failed run.
	Reason string `json:"reason,omitempty"`

	// run_force_failed, in minutes.
	StaleMinutes float64 `json:"staleMinutes,omitempty"`
}

// ActivationUser is the brand's user who activated the agent. Personal data: never logged.
type ActivationUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// ActivationChange is what a notice "activation.…" tells: documented fields of Artmail's event, and never the API key.
type ActivationChange struct {
	// Status is where the activation stands with the event: one that comes late may not change it.
	Status ActivationStatus `json:"status"`
	// At is the provider's time of the event.
	At time.Time `json:"at"`
	// Reason is Artmail's word on a pause or an end.
	Reason string `json:"reason,omitempty"`
	// User and HasAPIKey are set in "activation.activated". HasAPIKey says whether the activation holds the key, which Artmail shows once.
	User      *ActivationUser `json:"user,omitempty"`
	HasAPIKey bool            `json:"hasApiKey,omitempty"`
}

// ActivationState is what the query "state" answers.
type ActivationState struct {
	Agent        string           `json:"agent"`
	ActivationID string           `json:"activationId"`
	Status       ActivationStatus `json:"status"`
	// StatusAt is the provider's time of the event that made it so; Since is when that was applied here.
	StatusAt time.Time `json:"statusAt,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	// StatusReason is Artmail's reason of the last pause or the end.
	StatusReason string          `json:"statusReason,omitempty"`
	WaitingFor   string          `json:"waitingFor,omitempty"`
	Attention    []string        `json:"attention,omitempty"`
	User         *ActivationUser `json:"user,omitempty"`
	// SealedAPIKey opens only with the keyring and for this activation. Gone after deactivation.
	SealedAPIKey  []byte     `json:"sealedApiKey,omitempty"`
	Approvals     []Approval `json:"approvals,omitempty"`
	Runs          []Run      `json:"runs,omitempty"`
	EventsApplied int        `json:"eventsApplied"`
	Duplicates    int        `json:"duplicates"`
	LateEvents    int        `json:"lateEvents"`
	// LastApplied is about the webhook that was accepted last of those that were applied.
	LastApplied *AppliedEvent `json:"lastApplied,omitempty"`
	// Options are those in force. Only the query tells them, not the workflow's result.
	Options ActivationOptions `json:"options,omitzero"`
}

// ResealAPIKey is the argument of the update "reseal-api-key": the same key, sealed anew for the same activation. The workflow can't open
// either, so the caller has made sure of that.
type ResealAPIKey struct {
	SealedAPIKey []byte `json:"sealedApiKey"`
	// Replaces is what the activation held when the key was opened, so that a key that came in between is not overwritten.
	Replaces []byte `json:"replaces"`
}

// APIKeyReceipt is the answer to ResealAPIKey.
type APIKeyReceipt struct {
	// Resealed is false where the activation held the new form already: the call was repeated.
	Resealed bool `json:"resealed"`
}
