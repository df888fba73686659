package workflows

import "time"

// ApprovalStatus is where an approval stands.
type ApprovalStatus string

// An approval is OPEN until one of the others. Of a response and a force-failure of its run, the earlier one by Artmail's times decides, in
// any order of arrival, until the notice about it is handed off. All else is final at once.
const (
	ApprovalOpen     ApprovalStatus = "OPEN"
	ApprovalApproved ApprovalStatus = "APPROVED"
	ApprovalRejected ApprovalStatus = "REJECTED"
	// ApprovalExpired: its deadline passed without an answer.
	ApprovalExpired ApprovalStatus = "EXPIRED"
	// ApprovalVoided: its run was force-failed or its activation deactivated.
	ApprovalVoided    ApprovalStatus = "VOIDED"
	ApprovalCancelled ApprovalStatus = "CANCELLED"
)

// ApprovalRequest registers an APPROVAL_REQUEST message that the agent has sent to Artmail.
type ApprovalRequest struct {
	// MessageID is the message's own ID, to which the response refers as inResponseToId.
	MessageID string `json:"messageId"`
	RunID     string `json:"runId,omitempty"`
	// Deadline ends the wait as EXPIRED. Zero: it waits for as long as the activation lives.
	Deadline time.Time `json:"deadline,omitzero"`
	// Subject says in a line what is asked, for a person.
	Subject string `json:"subject,omitempty"`
	// ReplyTo gets one notice when the approval is closed: "approval.approved", "approval.rejected", "approval.expired", "approval.voided" or
	// "approval.cancelled".
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	// Notify names the callbacks that get the same notice. Empty: those that the agent's configuration names.
	Notify []string `json:"notify,omitempty"`
}

// Approval is a registered request and its answer.
type Approval struct {
	ApprovalRequest
	Status      ApprovalStatus `json:"status"`
	RequestedAt time.Time      `json:"requestedAt"`
	// ClosedAt is when Status became what it is.
	ClosedAt time.Time `json:"closedAt,omitzero"`
	// Reason is the brand user's, or why it was voided, expired or cancelled.
	Reason string `json:"reason,omitempty"`
	// ResponseMessageID is the message of the response.
	ResponseMessageID string     `json:"responseMessageId,omitempty"`
	Source            NewsSource `json:"source,omitempty"`
	// LateResponses counts responses that did not decide.
	LateResponses int `json:"lateResponses,omitempty"`
	// DueAt is Deadline moved by the time that the activation was paused; zero while it is paused, and once the approval is closed.
	DueAt time.Time `json:"dueAt,omitzero"`
	// CheckingSince is when "check-approval" was begun, after the deadline.
	CheckingSince time.Time `json:"checkingSince,omitzero"`
}

// CancelApproval is the argument of the update "cancel-approval".
type CancelApproval struct {
	MessageID string `json:"messageId"`
	Reason    string `json:"reason,omitempty"`
	By        string `json:"by,omitempty"`
}

// CheckApprovalParams is the argument of the activity "check-approval", which the author of an agent writes: only they know
// Artmail's private API.
type CheckApprovalParams struct {
	Agent        string `json:"agent"`
	ActivationID string `json:"activationId"`
	MessageID    string `json:"messageId"`
	RunID        string `json:"runId,omitempty"`
	// SealedAPIKey opens with the keyring and APIKeyContext.
	SealedAPIKey []byte `json:"sealedApiKey,omitempty"`
}

// CheckApprovalResult says what Artmail knows. An activity without an answer returns a retryable error, so that the server tries again.
type CheckApprovalResult struct {
	// Approved is nil where there is no answer yet. The approval is then checked again until its time is up.
	Approved  *bool  `json:"approved"`
	Reason    string `json:"reason,omitempty"`
	MessageID string `json:"messageId,omitempty"`
}
