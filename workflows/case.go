package workflows

import "time"

// CaseStatus is the status of an Offload case for the business app. It is finer than Offload's own status.
type CaseStatus string

// The life of a case: CREATING → RUNNING → COMPLETED or FAILED. The others are statuses in between, or other ends.
const (
	// CaseCreating: POST /cases has not been answered yet.
	CaseCreating CaseStatus = "CREATING"
	// CaseCreateUncertain: POST /cases may or may not have created a case. A webhook, adopt-case or retry-create decides.
	CaseCreateUncertain CaseStatus = "CREATE_UNCERTAIN"
	// CaseRunning: the case exists and Offload works on it.
	CaseRunning CaseStatus = "RUNNING"
	// CaseInputNeeded: Offload asks a question, and a person must answer it.
	CaseInputNeeded CaseStatus = "INPUT_NEEDED"
	// CaseInputSent: an answer is being sent, or Offload has accepted it (202) but not yet processed it.
	CaseInputSent CaseStatus = "INPUT_SENT"

	CaseCompleted CaseStatus = "COMPLETED"
	CaseFailed    CaseStatus = "FAILED"
	// CaseExpired: the business app's deadline passed.
	CaseExpired   CaseStatus = "EXPIRED"
	CaseCancelled CaseStatus = "CANCELLED"
)

// CaseStatuses lists every status of a case, in the order of its life.
func CaseStatuses() []CaseStatus {
	return []CaseStatus{
		CaseCreating, CaseCreateUncertain, CaseRunning, CaseInputNeeded, CaseInputSent,
		CaseCompleted, CaseFailed, CaseExpired, CaseCancelled,
	}
}

// Ended reports whether the status is final.
func (s CaseStatus) Ended() bool {
	switch s {
	case CaseCompleted, CaseFailed, CaseExpired, CaseCancelled:
		return true
	case CaseCreating, CaseCreateUncertain, CaseRunning, CaseInputNeeded, CaseInputSent:
		return false
	}
	return false
}

// Reasons why a person should look at a case: the values of SearchAttributeAttention.
const (
	AttentionCreateUncertain = "create_uncertain"  // the case may exist; created again, it could exist twice
	AttentionNotCreated      = "not_created"       // POST /cases could not be sent, or was throttled, for minutes
	AttentionCreateRejected  = "create_rejected"   // Offload refused the request; the case waits for a corrected one
	AttentionUsageLimit      = "usage_limit"       // the plan's monthly cap prevents the creation
	AttentionUnauthorized    = "unauthorized"      // Offload refuses the API key
	AttentionForbidden       = "forbidden"         // the API key is inactive, or the case has another owner
	AttentionCaseNotFound    = "case_not_found"    // Offload doesn't know the caseId
	AttentionInputNeeded     = "input_needed"      // a question is open
	AttentionQuestionExpired = "question_expired"  // an open question got no answer in time
	AttentionConflict        = "conflict"          // Offload reported two different ends; the first one applied counts
	AttentionSecondCase      = "second_case"       // another case exists for the same reference, or may exist
	AttentionStillRunning    = "still_running"     // the case ended in Signalbox only: Offload has no cancel
	AttentionAdoptRefused    = "adopt_refused"     // the caseId of adopt-case was not adopted; lastError says why
	AttentionUnknownStatus   = "unknown_status"    // Signalbox does not know the status that Offload reports
	AttentionUnreadable      = "unreadable_answer" // Offload refuses a read, or its response can't be decoded
	AttentionAccount         = "account"           // no worker has the account's API key
	AttentionFileNotStored   = "file_not_stored"   // a file of the case is not in the bucket; the workflow "offload-files" says why
	AttentionResultOffSchema = "result_off_schema" // the result does not match the request's resultSchema
	AttentionNoticeRefused   = "notice_refused"    // Temporal refuses a notice, or the start of "offload-files", for good; ends seven days after the last refusal, unless the workflow has completed before
	AttentionNoticeDelayed   = "notice_delayed"    // a notice, or the start of "offload-files", could not be handed off for minutes; it is retried
	AttentionUnreachable     = "unreachable"       // no read of the case has succeeded for minutes, or Offload asked for a pause of minutes
	AttentionAnswerDelayed   = "answer_delayed"    // an answer could not be sent to Offload for minutes, which is retried; or Offload accepted it, and has not gone on for an hour
)

// NewsSource is the source of a change.
type NewsSource string

// Sources of changes.
const (
	NewsByWebhook NewsSource = "webhook"
	NewsByPoll    NewsSource = "poll"
	NewsByApp     NewsSource = "app"   // the business app or a person: cancel, adopt
	NewsByClock   NewsSource = "clock" // a deadline
	NewsByCreate  NewsSource = "create"
)

// CaseState is the result of the query "state".
type CaseState struct {
	Reference string     `json:"reference"`
	Account   string     `json:"account"`
	CaseID    string     `json:"caseId,omitempty"`
	Status    CaseStatus `json:"status"`
	// Objective is the request's goal, and Counterparty the name of the person that Offload writes to. Both are empty for an adopted case.
	Objective    string `json:"objective,omitempty"`
	Counterparty string `json:"counterparty,omitempty"`
	// Since is when Status was entered.
	Since time.Time `json:"since"`
	// WaitingFor says in words what happens next, and what a person can do.
	WaitingFor string   `json:"waitingFor,omitempty"`
	Attention  []string `json:"attention,omitempty"`
	// Question is the open question, or the last one while its answer is being sent. It is nil in INPUT_NEEDED until Offload has said which question
	// it asks.
	Question *Question `json:"question,omitempty"`
	// Answers are the newest answers, oldest first.
	Answers []Answer `json:"answers,omitempty"`
	// Facts is what the provider has reported.
	Facts CaseFacts `json:"facts"`
	// LastError is the error of the last failed provider call, until a call succeeds.
	LastError string `json:"lastError,omitempty"`
	// Verifying is the caseId of adopt-case while a read verifies it.
	Verifying string `json:"verifying,omitempty"`
	// Check is the newest reconcile-now, until a read succeeds, or fails with LastError.
	Check *Check `json:"check,omitempty"`
	// OtherCaseIDs are other caseIds that appeared for the same reference.
	OtherCaseIDs []string `json:"otherCaseIds,omitempty"`
	// EventsApplied, Duplicates and LateEvents count events as EventResult says. An event that a read must confirm is applied when it is kept.
	EventsApplied int `json:"eventsApplied"`
	Duplicates    int `json:"duplicates"`
	LateEvents    int `json:"lateEvents"`
	// LastApplied is about the newest accepted webhook among the applied ones.
	LastApplied *AppliedEvent `json:"lastApplied,omitempty"`
	// Outcome is set once the case has ended.
	Outcome *CaseOutcome `json:"outcome,omitempty"`
}

// CaseOutcome is the result of the workflow. A failed case is also an outcome, not an error of the workflow.
type CaseOutcome struct {
	Reference string     `json:"reference"`
	Account   string     `json:"account"`
	CaseID    string     `json:"caseId,omitempty"`
	Status    CaseStatus `json:"status"`
	// ResultStatus is Offload's own text, such as goal_achieved, max_retries or BOUNCED, unchanged. Offload may add others.
	ResultStatus string `json:"resultStatus,omitempty"`
	// Reason says why Signalbox ended the case before Offload did: rejected, expired or cancelled.
	Reason string `json:"reason,omitempty"`
	// Facts merges all that webhooks and GET have reported.
	Facts CaseFacts `json:"facts"`
	// ResultIs says where the result is; empty if the case has none.
	ResultIs ResultPlace `json:"resultIs,omitempty"`
	// ResultCheck is the comparison of the result with the request's resultSchema. It is nil if the request has no schema, if the case was
	// adopted by its caseId, or if there is nothing to check because Offload did not complete the case and reported no result.
	ResultCheck *ResultCheck `json:"resultCheck,omitempty"`
	// FilesWorkflowID is the ID of the workflow "offload-files" that stores the attachments and a result that is too large; its result says
	// where they are. It is empty if there is nothing to store, and for a cancelled case.
	FilesWorkflowID string `json:"filesWorkflowId,omitempty"`
	// Unknown names fields that stayed unknown, because only webhooks have them and none came, or none that could be kept: failureReason,
	// metadata. Metadata is known if the app sent the request, even without metadata.
	Unknown []string   `json:"unknown,omitempty"`
	Source  NewsSource `json:"source"`
	EndedAt time.Time  `json:"endedAt"`
	// Attention has the reasons why a person should still look.
	Attention []string `json:"attention,omitempty"`
	Answers   []Answer `json:"answers,omitempty"`
}

// ResultPlace is the place of a case's result.
type ResultPlace string

// Places of a result.
const (
	// ResultInline: the result is Facts.Result.
	ResultInline ResultPlace = "inline"
	// ResultStored: the result is too large for Facts and is handed to the workflow FilesWorkflowID, whose status and result say whether it is in
	// the bucket.
	ResultStored ResultPlace = "stored"
	// ResultOmitted: the result is too large for Facts and is not stored. GET /cases/{caseId} has it.
	ResultOmitted ResultPlace = "omitted"
)

// Question is a question of Offload, from case.input_needed.
type Question struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Status is Offload's status: PENDING, RESOLVED, or another one that is not documented.
	Status      string    `json:"status,omitempty"`
	RequestedAt time.Time `json:"requestedAt,omitzero"`
}

// Offload's documented statuses of an inputRequest.
const (
	QuestionPending  = "PENDING"
	QuestionResolved = "RESOLVED"
)

// Answer is an answer to a question.
type Answer struct {
	QuestionID string    `json:"questionId"`
	Text       string    `json:"text"`
	By         string    `json:"by,omitempty"`
	GivenAt    time.Time `json:"givenAt"`
	// Result is empty while the answer is being sent. Error says why the answer was not accepted.
	Result InputResult `json:"result,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// ProvideInput is the argument of the update "provide-input".
type ProvideInput struct {
	// QuestionID must be the ID of the open question.
	QuestionID string `json:"questionId"`
	// Text must not be blank; Offload trims it.
	Text string `json:"text"`
	// By names the person who answers, for the record.
	By string `json:"by,omitempty"`
}

// InputReceipt is the result of provide-input: Signalbox has accepted the answer and will send it.
type InputReceipt struct {
	QuestionID string    `json:"questionId"`
	GivenAt    time.Time `json:"givenAt"`
}

// AdoptCase is the argument of the update "adopt-case": it names the case at Offload that belongs to the reference. Signalbox adopts it
// once GET shows the case. If GET also shows a clientReferenceId, it must be that of the request.
type AdoptCase struct {
	CaseID string `json:"caseId"`
	By     string `json:"by,omitempty"`
}

// RetryCreate is the argument of the update "retry-create": create the case again, even if the first creation may have succeeded.
type RetryCreate struct {
	// Request replaces the rejected request; nil repeats the old one.
	Request *CaseRequest `json:"request,omitempty"`
	By      string       `json:"by,omitempty"`
	// RunID is the run that the person saw; empty: the client fills in the newest one. Temporal repeats an update in a run that was reset,
	// and such a run creates a case only if this is its own ID.
	RunID string `json:"runId,omitempty"`
}

// CancelCase is the argument of the update "cancel".
type CancelCase struct {
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// ReconcileNow is the payload of the signal "reconcile-now": read the case now instead of at the next planned time. It has no effect on a
// case that has ended or has no caseId yet.
type ReconcileNow struct {
	// By names the person who asked, for the record; at most MaxShortTextBytes.
	By string `json:"by,omitempty"`
}

// Check is a read that a person asked for by reconcile-now.
type Check struct {
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// CaseReceipt is the result of adopt-case, retry-create and cancel.
type CaseReceipt struct {
	Status CaseStatus `json:"status"`
	// Verifying is set by adopt-case: a read must show this caseId before the case is adopted. If that fails, the state has the attention
	// adopt_refused.
	Verifying string `json:"verifying,omitempty"`
}
