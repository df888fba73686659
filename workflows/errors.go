package workflows

// Types of the errors that updates are refused with. A refused update leaves no trace in the history.
const (
	ErrTypeInvalidArgument   = "SignalboxInvalidArgument"
	ErrTypeNoOpenQuestion    = "SignalboxNoOpenQuestion"
	ErrTypeOtherQuestion     = "SignalboxOtherQuestion"
	ErrTypeAlreadyAnswered   = "SignalboxAlreadyAnswered"
	ErrTypeCaseEnded         = "SignalboxCaseEnded"
	ErrTypeNotUncertain      = "SignalboxNotUncertain"
	ErrTypeOtherCase         = "SignalboxOtherCase"
	ErrTypeActivationPaused  = "SignalboxActivationPaused"
	ErrTypeActivationEnded   = "SignalboxActivationEnded"
	ErrTypeActivationUnknown = "SignalboxActivationUnknown"
	ErrTypeUnknownApproval   = "SignalboxUnknownApproval"
	ErrTypeApprovalClosed    = "SignalboxApprovalClosed"
	ErrTypeApprovalConflict  = "SignalboxApprovalConflict"
	ErrTypeUnknownRun        = "SignalboxUnknownRun"
	ErrTypeRunClosed         = "SignalboxRunClosed"
	ErrTypeTooMany           = "SignalboxTooMany"
	// ErrTypeWorkflowID: the workflow was started under an ID that is not the one of its input; the message names the right one.
	ErrTypeWorkflowID = "SignalboxWorkflowID"
	// ErrTypeOtherAPIKey: the activation holds no key, or no more the one that was to be replaced.
	ErrTypeOtherAPIKey = "SignalboxOtherAPIKey"
)

// Types of the errors that Offload activities fail with: the one translation of what the provider answers.
const (
	// ErrTypeOffloadUncertain: the request may have been carried out. Never retried by itself.
	ErrTypeOffloadUncertain = "OffloadUncertain"
	// ErrTypeOffloadNotSent: no connection was made, so nothing happened. Retried.
	ErrTypeOffloadNotSent = "OffloadNotSent"
	// ErrTypeOffloadInvalidRequest: 400 INVALID_REQUEST. Only a corrected request can pass.
	ErrTypeOffloadInvalidRequest = "OffloadInvalidRequest"
	// ErrTypeOffloadUnauthorized: 401; the API key is missing or unknown.
	ErrTypeOffloadUnauthorized = "OffloadUnauthorized"
	// ErrTypeOffloadForbidden: 403; the API key is inactive or the case is another owner's.
	ErrTypeOffloadForbidden = "OffloadForbidden"
	// ErrTypeOffloadNotFound: 404 CASE_NOT_FOUND or ATTACHMENT_NOT_FOUND.
	ErrTypeOffloadNotFound = "OffloadNotFound"
	// ErrTypeOffloadUsageLimit: 429 USAGE_LIMIT_REACHED, the plan's cap of the current UTC month.
	ErrTypeOffloadUsageLimit = "OffloadUsageLimit"
	// ErrTypeOffloadThrottled: any other 429.
	ErrTypeOffloadThrottled = "OffloadThrottled"
	// ErrTypeOffloadUnavailable: a 5xx, a reset or a timeout on a request that is safe to repeat.
	ErrTypeOffloadUnavailable = "OffloadUnavailable"
	// ErrTypeOffloadUnreadable: a read was answered with what can't be read. Retried slowly.
	ErrTypeOffloadUnreadable = "OffloadUnreadable"
	// ErrTypeOffloadUnreachable: for minutes each read was OffloadNotSent, OffloadThrottled or OffloadUnavailable. Retried.
	ErrTypeOffloadUnreachable = "OffloadUnreachable"
	// ErrTypeOffloadNoNews: a look found nothing new. Benign; it carries the delay until the next look.
	ErrTypeOffloadNoNews = "OffloadNoNews"
	// ErrTypeOffloadUnknownAccount: the worker has no such account configured.
	ErrTypeOffloadUnknownAccount = "OffloadUnknownAccount"
)

// Types of the errors that the activities for notices fail with.
const (
	// ErrTypeNoticeInvalid: Temporal refuses the notice or its target for good, or no configuration knows the target. Final.
	ErrTypeNoticeInvalid = "NoticeInvalid"
	// ErrTypeNoticeUndelivered: the target can't take the notice now. Retried.
	ErrTypeNoticeUndelivered = "NoticeUndelivered"
	// ErrTypeNoticeReceiverEnded: the workflow that should get the notice has ended. Final.
	ErrTypeNoticeReceiverEnded = "NoticeReceiverEnded"
	// ErrTypeNoticeTargetGone: the callback answered 410: it wants no more notices of this source. Final, for all that wait for it too.
	ErrTypeNoticeTargetGone = "NoticeTargetGone"
)
