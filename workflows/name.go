package workflows

// Workflow types.
const (
	OffloadCaseWorkflow       = "offload-case"
	ArtmailActivationWorkflow = "artmail-activation"
	NotifyWorkflow            = "notify"
	OffloadFilesWorkflow      = "offload-files"
)

// Task queues. All workflows share one. Each kind of activity has its own: a full queue never delays another kind, and a provider's rate
// limit applies to all workers together.
const (
	TaskQueueWorkflows   = "signalbox"
	TaskQueueOffload     = "signalbox-offload"
	TaskQueueOffloadPoll = "signalbox-offload-poll"
	TaskQueueFiles       = "signalbox-files"
	TaskQueueCallbacks   = "signalbox-callbacks"
)

// Signals.
const (
	// SignalOffloadEvents carries a []CaseEvent to an Offload case.
	SignalOffloadEvents = "offload-events"
	// SignalReconcileNow carries a ReconcileNow to an Offload case.
	SignalReconcileNow = "reconcile-now"
	// SignalArtmailEvents carries a []ActivationEvent to an Artmail activation.
	SignalArtmailEvents = "artmail-events"
	// SignalTouchRuns carries a TouchRuns to an Artmail activation: runs that were just active.
	SignalTouchRuns = "touch-runs"
	// SignalActivationOptions carries the ActivationOptions of the agent's present configuration; they replace those in force.
	SignalActivationOptions = "activation-options"
	// SignalNotices carries a []AddressedNotice to the workflow "notify".
	SignalNotices = "notices"
	// SignalAgentNotice carries a Notice to the hand-over workflow of an agent.
	SignalAgentNotice = "agent-notice"
	// SignalForceContinueAsNew carries nothing; an operator sends it to shorten a history.
	SignalForceContinueAsNew = "force-continue-as-new"
)

// Updates. Each answers at once; none waits for the provider.
const (
	UpdateProvideInput = "provide-input" // ProvideInput → InputReceipt
	UpdateAdoptCase    = "adopt-case"    // AdoptCase → CaseReceipt
	UpdateRetryCreate  = "retry-create"  // RetryCreate → CaseReceipt
	UpdateCancel       = "cancel"        // CancelCase → CaseReceipt

	UpdateResend  = "resend"  // SelectNotices → NoticesSelected
	UpdateDismiss = "dismiss" // SelectNotices → NoticesSelected

	UpdateRequestApprovals = "request-approvals" // []ApprovalRequest → []Approval
	UpdateCancelApproval   = "cancel-approval"   // CancelApproval → Approval
	UpdateOpenRun          = "open-run"          // OpenRun → Run
	UpdateCloseRun         = "close-run"         // CloseRun → Run
	UpdateResealAPIKey     = "reseal-api-key"    // ResealAPIKey → APIKeyReceipt
)

// QueryState returns a CaseState, an ActivationState, a NotifyState or a CaseFiles.
const QueryState = "state"

// Search attributes. Workflows upsert them only when a value changes, because each upsert adds an event to the history.
const (
	// SearchAttributeState (Keyword) is the CaseStatus, ActivationStatus or FilesStatus.
	SearchAttributeState = "SignalboxState"
	// SearchAttributeAttention (KeywordList) has the reasons why a person should look; empty if there is none.
	SearchAttributeAttention = "SignalboxAttention"
	// SearchAttributeCaseID (Keyword) is Offload's caseId. Events on the shared route find their case by it.
	SearchAttributeCaseID = "SignalboxCaseId"
	// SearchAttributeAccount (Keyword) is the name of the Offload account that a case belongs to.
	SearchAttributeAccount = "SignalboxAccount"
	// SearchAttributeDueAt (Datetime) is when the attention becomes urgent; unset without attention.
	SearchAttributeDueAt = "SignalboxDueAt"
)

// MemoActivationOptions is the memo field with the ActivationOptions in force. With it the relay finds activations that still use older
// options.
const MemoActivationOptions = "signalboxActivationOptions"

// MemoRequestHash is the memo field with the hash of the start request. It tells a repeated start from a conflicting one.
const MemoRequestHash = "signalboxRequestHash"

// Activities, by the provider they call.
const (
	ActivityOffloadCreateCase    = "offload.create-case"    // CreateCaseParams → CreateCaseResult
	ActivityOffloadProvideInput  = "offload.provide-input"  // ProvideInputParams → ProvideInputResult
	ActivityOffloadReconcileCase = "offload.reconcile-case" // ReconcileCaseParams → CaseSnapshot
	ActivityOffloadGetCase       = "offload.get-case"       // GetCaseParams → CaseSnapshot

	// ActivityOffloadCheckResult is a local activity, without a task queue, so that the history does not hold the result twice.
	ActivityOffloadCheckResult = "offload.check-result" // CheckResultParams → ResultCheck

	// ActivityNoticeHandOff is a local activity, without a task queue.
	ActivityNoticeHandOff = "notice.hand-off" // HandOff → HandOffResult
	// These are one for each kind of Target.
	ActivityNoticeSignal = "notice.signal" // DeliverNotice → NoticeDelivery
	ActivityNoticePost   = "notice.post"   // DeliverNotice → NoticeDelivery
	ActivityNoticeStart  = "notice.start"  // DeliverNotice → NoticeDelivery

	// ActivityArtmailCheckApproval is an activity of the agent's author. It runs on the agent's own task queue.
	ActivityArtmailCheckApproval = "check-approval" // CheckApprovalParams → CheckApprovalResult
)
