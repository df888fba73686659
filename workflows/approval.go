package workflows

import "time"

// ApprovalStatus is the status of an approval.
type ApprovalStatus string

// An approval is OPEN until it gets one of the other statuses. If both a response and a force-failure of the run arrive, the earlier one
// by Artmail's times decides, in either order of arrival, until the notice about the approval is handed off. All other statuses are final
// at once.
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
	// MessageID is the message's ID. Its response has it as inResponseToId.
	MessageID string `json:"messageId"`
	RunID     string `json:"runId,omitempty"`
	// Deadline is when the approval expires, at most MaxTime. Zero: it stays open as long as the activation lives.
	Deadline time.Time `json:"deadline,omitzero"`
	// Subject is a line for a person that says what the approval is about.
	Subject string `json:"subject,omitempty"`
	// ReplyTo gets one notice when the approval is closed: "approval.approved", "approval.rejected", "approval.expired", "approval.voided" or
	// "approval.cancelled".
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	// Notify names callbacks that get the same notice. Empty: the callbacks in the agent's configuration.
	Notify []string `json:"notify,omitempty"`
}

// Approval is a registered request and its answer.
type Approval struct {
	ApprovalRequest
	Status      ApprovalStatus `json:"status"`
	RequestedAt time.Time      `json:"requestedAt"`
	// ClosedAt is when the approval got its present Status; zero while it is open.
	ClosedAt time.Time `json:"closedAt,omitzero"`
	// Reason is the brand user's reason, or why the approval was voided, expired or cancelled.
	Reason string `json:"reason,omitempty"`
	// ResponseMessageID is the message ID of the response.
	ResponseMessageID string     `json:"responseMessageId,omitempty"`
	Source            NewsSource `json:"source,omitempty"`
	// LateResponses counts responses that came too late to decide.
	LateResponses int `json:"lateResponses,omitempty"`
	// DueAt is Deadline plus the time that the activation was paused. It is zero while the activation is paused and after the approval is
	// closed.
	DueAt time.Time `json:"dueAt,omitzero"`
	// CheckingSince is when "check-approval" started, after the deadline.
	CheckingSince time.Time `json:"checkingSince,omitzero"`
}

// CancelApproval is the argument of the update "cancel-approval".
type CancelApproval struct {
	MessageID string `json:"messageId"`
	Reason    string `json:"reason,omitempty"`
	By        string `json:"by,omitempty"`
}

// CheckApprovalParams is the argument of the activity "check-approval". The author of an agent writes that activity, because only authors
// know Artmail's private API.
type CheckApprovalParams struct {
	Agent        string `json:"agent"`
	ActivationID string `json:"activationId"`
	MessageID    string `json:"messageId"`
	RunID        string `json:"runId,omitempty"`
	// SealedAPIKey opens with the keyring and APIKeyContext.
	SealedAPIKey []byte `json:"sealedApiKey,omitempty"`
}

// CheckApprovalResult is the result of "check-approval". If Artmail can't be asked, the activity returns a retryable error, and Temporal
// tries again. A non-retryable error expires the approval at once.
type CheckApprovalResult struct {
	// Approved is nil if there is no answer yet. The approval is then checked again until CheckFor is over.
	Approved  *bool  `json:"approved"`
	Reason    string `json:"reason,omitempty"`
	MessageID string `json:"messageId,omitempty"`
}
