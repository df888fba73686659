package workflows

import "time"

// Notice tells a business app, or the author of an agent, about an event. Delivery is at least once, and a repetition may come after
// newer notices; so a receiver must drop a notice whose ID it has seen.
type Notice struct {
	// ID is the same in every delivery of this notice. It has no dots.
	ID string `json:"id"`
	// Seq rises with each notice of one case or activation.
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

// NoticeKind is the kind of a notice.
type NoticeKind string

// Kinds of notices, with the field of NoticeData that each sets.
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

// NoticeData is the content of a notice: one field, by the notice's kind. It holds no secret: no API key, sealed or not, and no token.
type NoticeData struct {
	Question   *Question         `json:"question,omitempty"`
	Outcome    *CaseOutcome      `json:"outcome,omitempty"`
	Attention  []string          `json:"attention,omitempty"`
	Files      *CaseFiles        `json:"files,omitempty"`
	Approval   *Approval         `json:"approval,omitempty"`
	Run        *Run              `json:"run,omitempty"`
	Activation *ActivationChange `json:"activation,omitempty"`
}

// PostedNotice is a notice with the targets that its source names. The hand-off adds targets from the configuration: the callbacks of the
// account or agent if Notify is empty, and the agent's hand-over workflow.
type PostedNotice struct {
	Notice
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	Notify  []string `json:"notify,omitempty"`
}

// AddressedNotice is a notice with its final targets. The signal "notices" brings a list of them to the workflow "notify".
type AddressedNotice struct {
	Notice
	To []Target `json:"to"`
	// OmittedBytes is the size of a notice that was larger than MaxNoticeBytes, else zero. Such a notice has no Data; it is given up, not
	// delivered.
	OmittedBytes int `json:"omittedBytes,omitempty"`
}

// Limits of the workflow "notify". Bytes are bytes of JSON.
const (
	// MaxNoticeBytes is the largest size of one notice with its targets.
	MaxNoticeBytes = 768 << 10
	// MaxWaitingNoticeBytes is the most that may wait in one workflow, for all targets together. The data of a notice counts once, also with
	// several targets. If there is more, the newest notice of the target with the most bytes is given up.
	MaxWaitingNoticeBytes = 1 << 20
	// MaxNoticesBytes is the most that one workflow holds, with delivered, given-up and dismissed notices. The oldest of these are removed
	// first.
	MaxNoticesBytes = 1536 << 10
	// MaxNoticeTargets is the most targets for which notices may wait in one workflow. A notice for one more target is given up.
	MaxNoticeTargets = 500
	// MaxDoneNotices is how many delivered or dismissed notices stay listed.
	MaxDoneNotices = 50
	// MaxNoticeAttempts is how many attempts of a notice stay listed: the newest.
	MaxNoticeAttempts = 10

	// NoticeDeliveryTime is how long a delivery is tried, counted from the notice's time or from the "resend".
	NoticeDeliveryTime = 72 * time.Hour
	// NotifyLinger is how long the workflow stays open after its last delivery.
	NotifyLinger = 10 * time.Minute
	// NotifyGoneLinger is the same where a target answered 410: the next workflow would not know of it, and post again.
	NotifyGoneLinger = 30 * 24 * time.Hour
)

// AttentionNoticeGivenUp is the SearchAttributeAttention of a workflow "notify" that holds given-up notices.
const AttentionNoticeGivenUp = "notice_given_up"

// Types of the errors that refuse "resend" and "dismiss". The message names the notice.
const (
	// ErrTypeUnknownNotice: the workflow holds no notice with the ID.
	ErrTypeUnknownNotice = "SignalboxUnknownNotice"
	// ErrTypeNotGivenUp: the notice is not given up: it is waiting, delivered or dismissed.
	ErrTypeNotGivenUp = "SignalboxNotGivenUp"
	// ErrTypeNoNoticeData: the notice can't be sent again, because its data is no longer held.
	ErrTypeNoNoticeData = "SignalboxNoNoticeData"
)

// NotifyStart is the input of the workflow "notify". It is empty: the workflow ID names the source, and signals bring the notices.
type NotifyStart struct{}

// HandOff is the argument of the local activity "notice.hand-off": it passes notices to the workflow "notify" of their source, and starts
// the workflow that stores the files of a case. Both may be repeated.
//
// Workflows have no configuration, so the hand-off finds the targets that the configuration names, by Account or Agent.
type HandOff struct {
	Source string `json:"source"`
	// Account is set by a case, Agent by an activation.
	Account string         `json:"account,omitempty"`
	Agent   string         `json:"agent,omitempty"`
	Notices []PostedNotice `json:"notices,omitempty"`
	Files   *FilesStart    `json:"files,omitempty"`
}

// HandOffResult is the result of "notice.hand-off".
type HandOffResult struct {
	// WithoutTarget are the IDs of the notices without a target, which were not passed on.
	WithoutTarget []string `json:"withoutTarget,omitempty"`
}

// DeliverNotice is the argument of the activities "notice.signal", "notice.post" and "notice.start".
type DeliverNotice struct {
	Notice Notice `json:"notice"`
	To     Target `json:"to"`
}

// NoticeDelivery is the result of these activities, and the details of their errors and heartbeats: the attempts so far. During a
// delivery they are only visible in Temporal, as heartbeat details of the pending activity.
type NoticeDelivery struct {
	// Attempts is the number of attempts.
	Attempts int `json:"attempts"`
	// Log has the newest attempts, oldest first. An interrupted attempt, for example of a killed worker, is not in it.
	Log []NoticeAttempt `json:"log,omitempty"`
}

// NoticeAttempt is one attempt to deliver a notice.
type NoticeAttempt struct {
	At time.Time `json:"at"`
	// Status is the HTTP status of a callback's answer; zero if there was none, and for workflows.
	Status int `json:"status,omitempty"`
	// Error says why the attempt failed, in at most 100 bytes; empty if it succeeded.
	Error string `json:"error,omitempty"`
}

// NotifyWorkflowID returns the ID of the workflow that delivers the notices of a source.
func NotifyWorkflowID(source string) string { return NotifyWorkflow + "/" + source }

// NoticeStatus is the status of a notice's delivery.
type NoticeStatus string

// A notice is WAITING until it has one of the other statuses.
const (
	NoticeWaiting   NoticeStatus = "WAITING"
	NoticeDelivered NoticeStatus = "DELIVERED"
	// NoticeGivenUp: the notice was not delivered. It is tried again only if a person uses the update "resend".
	NoticeGivenUp NoticeStatus = "GIVEN_UP"
	// NoticeDismissed: a person decided that the notice is no longer needed.
	NoticeDismissed NoticeStatus = "DISMISSED"
)

// NotifyState is the result of the query "state" of the workflow "notify", and the workflow's result: the notices that it holds, in the
// order of their arrival.
type NotifyState struct {
	Source string `json:"source"`
	// WaitingFor says in sentences what happens next, and what a person can do.
	WaitingFor string         `json:"waitingFor,omitempty"`
	Attention  []string       `json:"attention,omitempty"`
	Notices    []NoticeRecord `json:"notices,omitempty"`
	// Forgotten counts given-up notices that are no longer listed, because newer ones needed the room.
	Forgotten int `json:"forgotten,omitempty"`
}

// NoticeRecord is a notice and the state of its delivery.
type NoticeRecord struct {
	ID     string       `json:"id"`
	Seq    int64        `json:"seq"`
	Kind   NoticeKind   `json:"kind"`
	Time   time.Time    `json:"time"`
	To     Target       `json:"to"`
	Status NoticeStatus `json:"status"`
	// SettledAt is when the notice got its present Status; zero while it waits.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// Attempts counts the attempts of finished deliveries, and Log has the newest, oldest first.
	Attempts int             `json:"attempts,omitempty"`
	Log      []NoticeAttempt `json:"log,omitempty"`
	// LastError is the error of the last failed attempt, or why the notice was not tried.
	LastError string `json:"lastError,omitempty"`
	// NoData means that the notice was given up and its data is no longer held, so it can't be sent again.
	NoData bool `json:"noData,omitempty"`
}

// SelectNotices is the argument of the updates "resend" and "dismiss": it chooses given-up notices.
type SelectNotices struct {
	// IDs are the IDs of the notices. Empty means all given-up notices; "resend" then takes those that can be sent again, up to the limits
	// of waiting notices.
	IDs []string `json:"ids,omitempty"`
	// Since leaves out notices that were given up before it. IDs must then be empty.
	Since time.Time `json:"since,omitzero"`
	// By names the person who decided, for the history; at most MaxShortTextBytes.
	By string `json:"by,omitempty"`
}

// NoticesSelected is the result of "resend" and "dismiss": the number of notices.
type NoticesSelected struct {
	Notices int `json:"notices"`
}
