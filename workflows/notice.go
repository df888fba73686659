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
)

// NoticeData is what happened: one field, by the notice's kind.
type NoticeData struct {
	Question  *Question    `json:"question,omitempty"`
	Outcome   *CaseOutcome `json:"outcome,omitempty"`
	Attention []string     `json:"attention,omitempty"`
	Files     *CaseFiles   `json:"files,omitempty"`
	Approval  *Approval    `json:"approval,omitempty"`
	Run       *Run         `json:"run,omitempty"`
}

// AddressedNotice is a notice on its way to its target. The signal "notices" carries a list of them to the workflow "notify".
type AddressedNotice struct {
	Notice
	To ReplyTo `json:"to"`
}

// HandOff is the argument of the local activity "notice.hand-off": it passes notices on to the workflow "notify" of their source, and starts
// the workflow that stores the files of a case. Both may be repeated.
type HandOff struct {
	Source  string            `json:"source"`
	Notices []AddressedNotice `json:"notices,omitempty"`
	Files   *FilesStart       `json:"files,omitempty"`
}

// SignalNotice is the argument of the activity "notice.signal".
type SignalNotice struct {
	Notice Notice  `json:"notice"`
	To     ReplyTo `json:"to"`
}

// NoticeDelivery is what "notice.signal" returns.
type NoticeDelivery struct {
	// Attempt is the number of the attempt that succeeded, from 1.
	Attempt int `json:"attempt"`
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
	// NoticeDismissed: a person has decided that nobody needs it any more.
	NoticeDismissed NoticeStatus = "DISMISSED"
)

// NotifyState is what the query "state" of the workflow "notify" returns: the notices it holds, oldest first.
type NotifyState struct {
	Source     string         `json:"source"`
	WaitingFor string         `json:"waitingFor,omitempty"`
	Attention  []string       `json:"attention,omitempty"`
	Notices    []NoticeRecord `json:"notices,omitempty"`
}

// NoticeRecord is a notice and how its delivery went.
type NoticeRecord struct {
	ID     string       `json:"id"`
	Seq    int64        `json:"seq"`
	Kind   NoticeKind   `json:"kind"`
	Time   time.Time    `json:"time"`
	To     ReplyTo      `json:"to"`
	Status NoticeStatus `json:"status"`
	// SettledAt is when Status became what it is; zero while it is waiting.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// Attempts counts the attempts that are known to have ended.
	Attempts int `json:"attempts,omitempty"`
	// LastError is the error of the last attempt that failed.
	LastError string `json:"lastError,omitempty"`
}

// SelectNotices is the argument of the updates "resend" and "dismiss": which notices that were given up are meant. Both answer with the
// number of notices as a NoticesSelected.
type SelectNotices struct {
	// IDs are the notices. Empty: all that were given up.
	IDs []string `json:"ids,omitempty"`
	By  string   `json:"by,omitempty"`
}

// NoticesSelected is the answer to "resend" and "dismiss".
type NoticesSelected struct {
	Notices int `json:"notices"`
}
