package workflows

import "time"

// Notice tells a business app, or the author of an agent, that something has happened. It is delivered at least once; a repetition may come
// after newer notices, so a receiver drops an ID that it has seen.
type Notice struct {
	// ID is the same in every delivery of this notice. It has no dots.
	ID string `json:"id"`
	// Seq rises with each notice of one source.
	Seq  int64      `json:"seq"`
	Kind NoticeKind `json:"kind"`
	// Source is the ID of the workflow that the notice is about.
	Source string `json:"source"`
	// Reference is set in notices of a case, Agent and ActivationID in those of an activation.
	Reference    string `json:"reference,omitempty"`
	Agent        string `json:"agent,omitempty"`
	ActivationID string `json:"activationId,omitempty"`
	// Time is when it happened.
	Time time.Time  `json:"time"`
	Data NoticeData `json:"data"`
}

// NoticeKind is what a notice tells.
type NoticeKind string

// Kinds of notices, and the field of NoticeData that each fills.
const (
	NoticeCaseInputNeeded NoticeKind = "case.input_needed" // Question
	NoticeCaseCompleted   NoticeKind = "case.completed"    // Outcome
	NoticeCaseFailed      NoticeKind = "case.failed"       // Outcome
	NoticeCaseExpired     NoticeKind = "case.expired"      // Outcome
	NoticeCaseCancelled   NoticeKind = "case.cancelled"    // Outcome
	NoticeCaseAttention   NoticeKind = "case.attention"    // Attention: a reason that was not there before
	NoticeCaseFilesStored NoticeKind = "case.files_stored" // Files

	NoticeApprovalApproved  NoticeKind = "approval.approved"  // Approval
	NoticeApprovalRejected  NoticeKind = "approval.rejected"  // Approval
	NoticeApprovalExpired   NoticeKind = "approval.expired"   // Approval
	NoticeApprovalVoided    NoticeKind = "approval.voided"    // Approval
	NoticeApprovalCancelled NoticeKind = "approval.cancelled" // Approval

	NoticeRunStaleWarning NoticeKind = "run.stale_warning" // Run
	NoticeRunForceFailed  NoticeKind = "run.force_failed"  // Run
	NoticeRunVoided       NoticeKind = "run.voided"        // Run

	NoticeActivationActivated   NoticeKind = "activation.activated"   // Activation
	NoticeActivationPaused      NoticeKind = "activation.paused"      // Activation
	NoticeActivationResumed     NoticeKind = "activation.resumed"     // Activation
	NoticeActivationDeactivated NoticeKind = "activation.deactivated" // Activation
)

// NoticeData is what happened: one field, by the notice's kind. It holds no secret: no API key, sealed or not, and no token.
type NoticeData struct {
	Question   *Question         `json:"question,omitempty"`
	Outcome    *CaseOutcome      `json:"outcome,omitempty"`
	Attention  []string          `json:"attention,omitempty"`
	Files      *CaseFiles        `json:"files,omitempty"`
	Approval   *Approval         `json:"approval,omitempty"`
	Run        *Run              `json:"run,omitempty"`
	Activation *ActivationChange `json:"activation,omitempty"`
}

// PostedNotice is a notice and the targets that its source names. The hand-off adds those that the configuration names: the callbacks of the
// account or agent where Notify is empty, and the agent's hand-over workflow.
type PostedNotice struct {
	Notice
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	Notify  []string `json:"notify,omitempty"`
}

// AddressedNotice is a notice on its way to its targets. The signal "notices" carries a list of them to the workflow "notify".
type AddressedNotice struct {
	Notice
	To []Target `json:"to"`
	// OmittedBytes is set where the notice was larger than MaxNoticeBytes and Data was left out: its size. It is not delivered but given up.
	OmittedBytes int `json:"omittedBytes,omitempty"`
}

// Limits of the workflow "notify". Bytes are bytes of JSON.
const (
	// MaxNoticeBytes is the size of one notice with its targets.
	MaxNoticeBytes = 768 << 10
	// MaxWaitingNoticeBytes is what may wait in one workflow, for all targets together. A notice for several targets counts its data once. Beyond
	// it the newest notice of the target that holds the most is given up.
	MaxWaitingNoticeBytes = 1 << 20
	// MaxNoticesBytes is what one workflow holds in all, with what was delivered, given up or dismissed. The oldest of these make room.
	MaxNoticesBytes = 3 << 19
	// MaxNoticeTargets is for how many targets notices may wait in one workflow. A notice for one more is given up.
	MaxNoticeTargets = 500
	// MaxSettledNotices is how many notices that were delivered or dismissed are still listed.
	MaxSettledNotices = 50
	// MaxNoticeAttempts is how many attempts are listed of a notice, the newest ones.
	MaxNoticeAttempts = 10

	// NoticeDeliveryTime is how long a delivery is tried, from the notice's time or from the "resend" on.
	NoticeDeliveryTime = 72 * time.Hour
	// NotifyLinger is how long the workflow stays after its last delivery.
	NotifyLinger = 10 * time.Minute
	// NotifyGoneLinger is the same where a target answered 410: the next workflow would not know of it, and post again.
	NotifyGoneLinger = 30 * 24 * time.Hour
)

// AttentionNoticeGivenUp is the SearchAttributeAttention of a workflow "notify" that holds notices which were given up.
const AttentionNoticeGivenUp = "notice_given_up"

// Types of the errors that "resend" and "dismiss" are refused with. The message names the notice.
const (
	// ErrTypeUnknownNotice: the workflow holds no notice with the ID.
	ErrTypeUnknownNotice = "SignalboxUnknownNotice"
	// ErrTypeNotGivenUp: the notice was not given up: it is waiting, delivered or dismissed.
	ErrTypeNotGivenUp = "SignalboxNotGivenUp"
	// ErrTypeNoNoticeData: the notice can't be sent again, since its data is not held any more.
	ErrTypeNoNoticeData = "SignalboxNoNoticeData"
)

// NotifyStart is the input of the workflow "notify". It is empty: the workflow ID names the source, and signals bring the notices.
type NotifyStart struct{}

// HandOff is the argument of the local activity "notice.hand-off": it passes notices on to the workflow "notify" of their source, and starts
// the workflow that stores the files of a case. Both may be repeated.
//
// Workflows know no configuration, so it is the hand-off that finds the targets which the configuration names: by Account or Agent.
type HandOff struct {
	Source string `json:"source"`
	// Account is set by a case, Agent by an activation.
	Account string         `json:"account,omitempty"`
	Agent   string         `json:"agent,omitempty"`
	Notices []PostedNotice `json:"notices,omitempty"`
	Files   *FilesStart    `json:"files,omitempty"`
}

// HandOffResult is what "notice.hand-off" returns.
type HandOffResult struct {
	// Untold are the IDs of the notices that have no target, so nothing was passed on.
	Untold []string `json:"untold,omitempty"`
}

// DeliverNotice is the argument of the activities "notice.signal", "notice.post" and "notice.start".
type DeliverNotice struct {
	Notice Notice `json:"notice"`
	To     Target `json:"to"`
}

// NoticeDelivery is what these activities return, and the details of their errors and heartbeats: the attempts so far. While a delivery is under
// way they are seen in Temporal only, as the heartbeat details of the pending activity.
type NoticeDelivery struct {
	// Attempts is the number of the last attempt, from 1.
	Attempts int `json:"attempts"`
	// Log has the newest attempts, oldest first. An attempt that was cut off, as when a worker was killed, is not in it.
	Log []NoticeAttempt `json:"log,omitempty"`
}

// NoticeAttempt is one attempt to deliver a notice.
type NoticeAttempt struct {
	At time.Time `json:"at"`
	// Status is the HTTP status that a callback answered; zero where there was no answer, and for workflows.
	Status int `json:"status,omitempty"`
	// Error says why the attempt failed, in at most 100 bytes; empty where it succeeded.
	Error string `json:"error,omitempty"`
}

// NotifyWorkflowID is the ID of the workflow that delivers the notices of a source.
func NotifyWorkflowID(source string) string { return NotifyWorkflow + "/" + source }

// NoticeStatus is where the delivery of a notice stands.
type NoticeStatus string

// A notice is waiting until one of the others.
const (
	NoticeWaiting   NoticeStatus = "WAITING"
	NoticeDelivered NoticeStatus = "DELIVERED"
	// NoticeGivenUp: it was not delivered and will not be, unless a person asks for it with the update "resend".
	NoticeGivenUp NoticeStatus = "GIVEN_UP"
	// NoticeDismissed: a person has decided that it is not needed any more.
	NoticeDismissed NoticeStatus = "DISMISSED"
)

// NotifyState is what the query "state" of the workflow "notify" returns, and the workflow itself at its end: the notices it holds, in the
// order in which they came.
type NotifyState struct {
	Source     string         `json:"source"`
	WaitingFor string         `json:"waitingFor,omitempty"`
	Attention  []string       `json:"attention,omitempty"`
	Notices    []NoticeRecord `json:"notices,omitempty"`
	// Forgotten counts notices that were given up and are not listed, since newer ones needed the room.
	Forgotten int `json:"forgotten,omitempty"`
}

// NoticeRecord is a notice and how its delivery went.
type NoticeRecord struct {
	ID     string       `json:"id"`
	Seq    int64        `json:"seq"`
	Kind   NoticeKind   `json:"kind"`
	Time   time.Time    `json:"time"`
	To     Target       `json:"to"`
	Status NoticeStatus `json:"status"`
	// SettledAt is when Status became what it is; zero while it is waiting.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// Attempts counts the attempts of deliveries that have ended, and Log lists the newest, oldest first.
	Attempts int             `json:"attempts,omitempty"`
	Log      []NoticeAttempt `json:"log,omitempty"`
	// LastError is the error of the last attempt that failed, or why the notice was not tried.
	LastError string `json:"lastError,omitempty"`
	// NoData says that the notice was given up and its data is not held any more, so that it can't be sent again.
	NoData bool `json:"noData,omitempty"`
}

// SelectNotices is the argument of the updates "resend" and "dismiss": which notices that were given up are meant. Both answer with the
// number of notices as a NoticesSelected.
type SelectNotices struct {
	// IDs are the notices. Empty means all that were given up; "resend" then takes those that can be sent again, as many as may wait.
	IDs []string `json:"ids,omitempty"`
	// Since leaves out what happened before it. It is for all, so IDs must be empty.
	Since time.Time `json:"since,omitzero"`
	// By says who decided, for the history; at most 500 bytes of JSON.
	By string `json:"by,omitempty"`
}

// NoticesSelected is the answer to "resend" and "dismiss".
type NoticesSelected struct {
	Notices int `json:"notices"`
}
