package workflows

import "strings"

// Types of the errors that refuse updates. A refused update leaves no event in the history.
const (
	ErrTypeInvalidArgument  = "SignalboxInvalidArgument"
	ErrTypeNoOpenQuestion   = "SignalboxNoOpenQuestion"
	ErrTypeOtherQuestion    = "SignalboxOtherQuestion"
	ErrTypeAlreadyAnswered  = "SignalboxAlreadyAnswered"
	ErrTypeCaseEnded        = "SignalboxCaseEnded"
	ErrTypeNotUncertain     = "SignalboxNotUncertain"
	ErrTypeOtherCase        = "SignalboxOtherCase"
	ErrTypeActivationPaused = "SignalboxActivationPaused"
	ErrTypeActivationEnded  = "SignalboxActivationEnded"
	ErrTypeUnknownApproval  = "SignalboxUnknownApproval"
	ErrTypeApprovalClosed   = "SignalboxApprovalClosed"
	ErrTypeApprovalConflict = "SignalboxApprovalConflict"
	ErrTypeUnknownRun       = "SignalboxUnknownRun"
	ErrTypeRunClosed        = "SignalboxRunClosed"
	ErrTypeTooMany          = "SignalboxTooMany"
	// ErrTypeWorkflowID: the workflow ID does not match the workflow's input; the message names the right ID.
	ErrTypeWorkflowID = "SignalboxWorkflowID"
	// ErrTypeOtherAPIKey: the activation holds no API key, or another one than the update replaces.
	ErrTypeOtherAPIKey = "SignalboxOtherAPIKey"
)

// Types of the errors of the Offload activities. The provider's responses are translated into them in one place.
const (
	// ErrTypeOffloadUncertain: the request may have been carried out. Never retried automatically.
	ErrTypeOffloadUncertain = "OffloadUncertain"
	// ErrTypeOffloadNotSent: no connection was made, so nothing happened. Retried.
	ErrTypeOffloadNotSent = "OffloadNotSent"
	// ErrTypeOffloadInvalidRequest: 400 INVALID_REQUEST to a request that changes something. Only a corrected request can pass.
	ErrTypeOffloadInvalidRequest = "OffloadInvalidRequest"
	// ErrTypeOffloadUnauthorized: 401; the API key is missing or unknown.
	ErrTypeOffloadUnauthorized = "OffloadUnauthorized"
	// ErrTypeOffloadForbidden: 403; the API key is inactive, or the case has another owner.
	ErrTypeOffloadForbidden = "OffloadForbidden"
	// ErrTypeOffloadNotFound: 404 CASE_NOT_FOUND or ATTACHMENT_NOT_FOUND.
	ErrTypeOffloadNotFound = "OffloadNotFound"
	// ErrTypeOffloadUsageLimit: 429 USAGE_LIMIT_REACHED, the plan's cap of the current UTC month.
	ErrTypeOffloadUsageLimit = "OffloadUsageLimit"
	// ErrTypeOffloadThrottled: any other 429.
	ErrTypeOffloadThrottled = "OffloadThrottled"
	// ErrTypeOffloadUnavailable: a 5xx, a reset or a timeout on a request that is safe to repeat.
	ErrTypeOffloadUnavailable = "OffloadUnavailable"
	// ErrTypeOffloadUnreadable: a read is refused with another 4xx, or its response can't be decoded. Retried slowly.
	ErrTypeOffloadUnreadable = "OffloadUnreadable"
	// ErrTypeOffloadUnreachable: all reads have failed for minutes, with OffloadNotSent, OffloadThrottled or OffloadUnavailable. Retried.
	ErrTypeOffloadUnreachable = "OffloadUnreachable"
	// ErrTypeOffloadNoNews: a read found nothing new. It is benign, and carries the delay until the next read.
	ErrTypeOffloadNoNews = "OffloadNoNews"
	// ErrTypeOffloadUnknownAccount: the worker has no such account configured.
	ErrTypeOffloadUnknownAccount = "OffloadUnknownAccount"
)

// Types of the errors of the activities for notices.
const (
	// ErrTypeNoticeInvalid: Temporal refuses the notice or its target permanently, or the configuration has lacked the target for 15
	// minutes. Final.
	ErrTypeNoticeInvalid = "NoticeInvalid"
	// ErrTypeNoticeUndelivered: the target can't take the notice now. Retried.
	ErrTypeNoticeUndelivered = "NoticeUndelivered"
	// ErrTypeNoticeReceiverEnded: the workflow that should get the notice has ended. Final.
	ErrTypeNoticeReceiverEnded = "NoticeReceiverEnded"
	// ErrTypeNoticeTargetGone: the callback answered 410, so it wants no more notices of this source. Final, also for the other notices that
	// wait for this target.
	ErrTypeNoticeTargetGone = "NoticeTargetGone"
)

// The two functions below recognise InvalidArgument errors of Temporal that are not the request's fault. They have no type of their own, only a message.

// IsSignalLimit reports whether the message says that a run has had its 10,000 signals. The next run, after
// continue-as-new, takes more.
func IsSignalLimit(message string) bool { return strings.Contains(message, "limit for signal events") }

// IsMissingSearchAttribute reports whether the message is about a search attribute. Usually the namespace lacks it: run `signalbox setup`. The
// server's messages about too large a value match too.
func IsMissingSearchAttribute(message string) bool {
	return strings.Contains(strings.ToLower(message), "search attribute")
}
