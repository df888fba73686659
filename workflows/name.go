package workflows

// Workflow types.
const (
	OffloadCaseWorkflow       = "offload-case"
	ArtmailActivationWorkflow = "artmail-activation"
	NotifyWorkflow            = "notify"
	OffloadFilesWorkflow      = "offload-files"
)

// Task queues. Workflows share one. Each kind of activity has its own, so that one that is full never delays another, and a provider's
// rate limit is one number for the whole fleet.
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
	// SignalReconcileNow carries a ReconcileNow to an Offload case: read the case now.
	SignalReconcileNow = "reconcile-now"
	// SignalArtmailEvents carries a []ActivationEvent to an Artmail activation.
	SignalArtmailEvents = "artmail-events"
	// SignalTouchRuns carries a TouchRuns: these runs were active just now.
	SignalTouchRuns = "touch-runs"
	// SignalActivationOptions carries the ActivationOptions that the agent's configuration holds by now; the newest replace what is in force.
	SignalActivationOptions = "activation-options"
	// SignalNotices carries a []AddressedNotice to the workflow "notify".
	SignalNotices = "notices"
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

// Search attributes. Upserted only when the value changes, since every upsert is an event in the history.
const (
	// SearchAttributeState (Keyword) is the CaseStatus or ActivationStatus.
	SearchAttributeState = "SignalboxState"
	// SearchAttributeAttention (KeywordList) says why a person should look; empty while nobody needs to.
	SearchAttributeAttention = "SignalboxAttention"
	// SearchAttributeCaseID (Keyword) is Offload's caseId, by which events on the shared route find their case.
	SearchAttributeCaseID = "SignalboxCaseId"
	// SearchAttributeAccount (Keyword) is the name of the Offload account that a case belongs to.
	SearchAttributeAccount = "SignalboxAccount"
	// SearchAttributeDueAt (Datetime) is when what needs attention becomes urgent; unset while nothing does.
	SearchAttributeDueAt = "SignalboxDueAt"
)

// MemoActivationOptions is the memo field with the ActivationOptions that are in force, by which the relay finds the activations that still
// work by older ones.
const MemoActivationOptions = "signalboxActivationOptions"

// MemoRequestHash is the memo field with the hash of the start request, which tells a repeated start from a conflicting one.
const MemoRequestHash = "signalboxRequestHash"

// Activities, by the provider they call.
const (
	ActivityOffloadCreateCase    = "offload.create-case"    // CreateCaseParams → CreateCaseResult
	ActivityOffloadProvideInput  = "offload.provide-input"  // ProvideInputParams → ProvideInputResult
	ActivityOffloadReconcileCase = "offload.reconcile-case" // ReconcileCaseParams → CaseSnapshot
	ActivityOffloadGetCase       = "offload.get-case"       // GetCaseParams → CaseSnapshot

	// ActivityNoticeHandOff is a local activity, so it has no task queue.
	ActivityNoticeHandOff = "notice.hand-off" // HandOff → nothing
	ActivityNoticeSignal  = "notice.signal"   // SignalNotice → NoticeDelivery

	// ActivityArtmailCheckApproval is written by the author of an agent and runs on the agent's own task queue.
	ActivityArtmailCheckApproval = "check-approval" // CheckApprovalParams → CheckApprovalResult
)
