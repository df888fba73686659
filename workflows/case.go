package workflows

import "time"

// CaseStatus is where an Offload case stands for the business app. It is finer than Offload's own status.
type CaseStatus string

// The life of a case: CREATING → RUNNING → COMPLETED | FAILED, with the others on the way or as further ends.
const (
	// CaseCreating: POST /cases has not been answered yet.
	CaseCreating CaseStatus = "CREATING"
	// CaseCreateUncertain: POST /cases may have made a case. A webhook, adopt-case or retry-create decides.
	CaseCreateUncertain CaseStatus = "CREATE_UNCERTAIN"
	// CaseRunning: the case exists and Offload works on it.
	CaseRunning CaseStatus = "RUNNING"
	// CaseInputNeeded: Offload waits for an answer that only a person can give.
	CaseInputNeeded CaseStatus = "INPUT_NEEDED"
	// CaseInputSent: the answer is on its way or accepted (202), not yet processed.
	CaseInputSent CaseStatus = "INPUT_SENT"

	CaseCompleted CaseStatus = "COMPLETED"
	CaseFailed    CaseStatus = "FAILED"
	// CaseExpired: the business app's deadline passed.
	CaseExpired   CaseStatus = "EXPIRED"
	CaseCancelled CaseStatus = "CANCELLED"
)

// Ended says whether the case stays as it is for good.
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
	AttentionCreateUncertain = "create_uncertain"  // it may exist twice if it is created again
	AttentionNotCreated      = "not_created"       // for minutes POST /cases could not be sent, or was throttled
	AttentionCreateRejected  = "create_rejected"   // Offload refused the request; a corrected one is awaited
	AttentionUsageLimit      = "usage_limit"       // the plan's monthly cap holds the creation back
	AttentionUnauthorized    = "unauthorized"      // Offload refuses the API key
	AttentionForbidden       = "forbidden"         // the API key is inactive or the case another owner's
	AttentionCaseNotFound    = "case_not_found"    // Offload doesn't know the caseId
	AttentionInputNeeded     = "input_needed"      // a question is open
	AttentionQuestionExpired = "question_expired"  // a question stayed unanswered for too long
	AttentionConflict        = "conflict"          // two ends contradict each other; the first applied stands
	AttentionSecondCase      = "second_case"       // another caseId showed up for the same reference
	AttentionStillRunning    = "still_running"     // ended here, yet Offload has no cancel and goes on
	AttentionAdoptRefused    = "adopt_refused"     // the case of adopt-case was not bound; lastError says why
	AttentionUnknownStatus   = "unknown_status"    // Offload says a status that Signalbox does not know
	AttentionUnreadable      = "unreadable_answer" // Offload's answer to GET can't be read
	AttentionAccount         = "account"           // no worker has the account's API key
	AttentionFileNotStored   = "file_not_stored"   // a file of the case is not in the bucket; the workflow "offload-files" says why
	AttentionResultOffSchema = "result_off_schema" // the result is not what the request's resultSchema describes
	AttentionNoticeRefused   = "notice_refused"    // Temporal refuses a notice, or the start of "offload-files", for good
	AttentionNoticeDelayed   = "notice_delayed"    // for minutes a notice, or the start of "offload-files", could not be handed off; it is tried again
	AttentionUnreachable     = "unreachable"       // for minutes no read of the case was answered: Offload, or its host, is away
	AttentionAnswerDelayed   = "answer_delayed"    // for minutes an answer could not be sent to Offload; it is tried again
)

// NewsSource says how a change became known.
type NewsSource string

// Sources of news.
const (
	NewsByWebhook NewsSource = "webhook"
	NewsByPoll    NewsSource = "poll"
	NewsByApp     NewsSource = "app"   // the business app or a person: cancel, adopt
	NewsByClock   NewsSource = "clock" // a deadline
	NewsByCreate  NewsSource = "create"
)

// CaseState is what the query "state" answers: where the case stands, what it waits for and what it has seen.
type CaseState struct {
	Reference string     `json:"reference"`
	Account   string     `json:"account"`
	CaseID    string     `json:"caseId,omitempty"`
	Status    CaseStatus `json:"status"`
	// Objective and Counterparty are the request's goal and the name of whom Offload writes to. Empty for a case that the app created itself.
	Objective    string `json:"objective,omitempty"`
	Counterparty string `json:"counterparty,omitempty"`
	// Since is when Status was entered.
	Since time.Time `json:"since"`
	// WaitingFor says in words what happens next and who can make it happen.
	WaitingFor string   `json:"waitingFor,omitempty"`
	Attention  []string `json:"attention,omitempty"`
	// Question is the open question, or the last one while its answer is on the way.
	Question *Question `json:"question,omitempty"`
	// Answers are the newest answers, oldest first.
	Answers []Answer `json:"answers,omitempty"`
	// Facts is what the provider last said.
	Facts CaseFacts `json:"facts"`
	// LastError is the last thing that a provider call failed with, while it matters.
	LastError string `json:"lastError,omitempty"`
	// Verifying is the caseId of adopt-case while a read verifies it.
	Verifying string `json:"verifying,omitempty"`
	// Check is the newest reconcile-now until a read has shown the case, or has failed for a reason that LastError tells.
	Check *Check `json:"check,omitempty"`
	// OtherCaseIDs are caseIds that showed up for the same reference beside CaseID.
	OtherCaseIDs []string `json:"otherCaseIds,omitempty"`
	// EventsApplied and Duplicates count events, LateEvents those that came after the end.
	EventsApplied int `json:"eventsApplied"`
	Duplicates    int `json:"duplicates"`
	LateEvents    int `json:"lateEvents"`
	// LastApplied is about the webhook that was accepted last of those that were applied.
	LastApplied *AppliedEvent `json:"lastApplied,omitempty"`
	// Outcome is there from the moment the case has ended.
	Outcome *CaseOutcome `json:"outcome,omitempty"`
}

// CaseOutcome is the result of the workflow. A case that failed is an outcome too, not an error of the workflow.
type CaseOutcome struct {
	Reference string     `json:"reference"`
	Account   string     `json:"account"`
	CaseID    string     `json:"caseId,omitempty"`
	Status    CaseStatus `json:"status"`
	// ResultStatus is Offload's open string, such as goal_achieved, max_retries or BOUNCED; passed through as it came.
	ResultStatus string `json:"resultStatus,omitempty"`
	// Reason says in words why a case that Offload did not end has ended: rejected, expired, cancelled.
	Reason string `json:"reason,omitempty"`
	// Facts merges everything webhooks and GET have said.
	Facts CaseFacts `json:"facts"`
	// ResultIs says where the result is; empty where the case has none.
	ResultIs ResultPlace `json:"resultIs,omitempty"`
	// ResultCheck compares the result with the request's resultSchema. Nil where the request has none, where the case was adopted by its
	// caseId, and where there is nothing to check: Offload did not complete the case and told no result.
	ResultCheck *ResultCheck `json:"resultCheck,omitempty"`
	// FilesWorkflowID is the workflow "offload-files" that stores the attachments and a result that was omitted; its result says where each
	// is. Empty where there is nothing to store, and for a case that was cancelled.
	FilesWorkflowID string `json:"filesWorkflowId,omitempty"`
	// Unknown names fields that only a webhook could have told and none did: failureReason, metadata. Metadata is known where the app sent
	// the request, with or without any.
	Unknown []string   `json:"unknown,omitempty"`
	Source  NewsSource `json:"source"`
	EndedAt time.Time  `json:"endedAt"`
	// Attention is why a person should still look.
	Attention []string `json:"attention,omitempty"`
	Answers   []Answer `json:"answers,omitempty"`
}

// ResultPlace is where the result of a case is.
type ResultPlace string

// Places of a result.
const (
	// ResultInline: it is Facts.Result.
	ResultInline ResultPlace = "inline"
	// ResultStored: it is too large for Facts; the workflow FilesWorkflowID stores it in the bucket.
	ResultStored ResultPlace = "stored"
	// ResultOmitted: it is too large for Facts and is not stored. GET /cases/{caseId} has it.
	ResultOmitted ResultPlace = "omitted"
)

// Question is what Offload asks in case.input_needed.
type Question struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Status is Offload's: PENDING, RESOLVED or whatever it says.
	Status      string    `json:"status,omitempty"`
	RequestedAt time.Time `json:"requestedAt,omitzero"`
}

// Offload's inputRequest statuses as far as they are known.
const (
	QuestionPending  = "PENDING"
	QuestionResolved = "RESOLVED"
)

// Answer is an answer given to a question, by whom, and its result.
type Answer struct {
	QuestionID string    `json:"questionId"`
	Text       string    `json:"text"`
	By         string    `json:"by,omitempty"`
	GivenAt    time.Time `json:"givenAt"`
	// Result is empty while the answer is on the way.
	Result InputResult `json:"result,omitempty"`
}

// ProvideInput is the argument of the update "provide-input".
type ProvideInput struct {
	// QuestionID must be the open question's.
	QuestionID string `json:"questionId"`
	// Text must not be blank; Offload trims it.
	Text string `json:"text"`
	// By says who answers, for the record.
	By string `json:"by,omitempty"`
}

// InputReceipt says that the answer will be sent.
type InputReceipt struct {
	QuestionID string    `json:"questionId"`
	GivenAt    time.Time `json:"givenAt"`
}

// AdoptCase is the argument of the update "adopt-case": this is the case at Offload that belongs to the reference. It is bound once GET shows
// the case and, where GET tells a clientReferenceId, that of the request.
type AdoptCase struct {
	CaseID string `json:"caseId"`
	By     string `json:"by,omitempty"`
}

// RetryCreate is the argument of the update "retry-create": create it (again), whatever may exist already.
type RetryCreate struct {
	// Request replaces the one that was rejected; nil repeats it.
	Request *CaseRequest `json:"request,omitempty"`
	By      string       `json:"by,omitempty"`
}

// CancelCase is the argument of the update "cancel".
type CancelCase struct {
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// ReconcileNow is the payload of the signal "reconcile-now": read the case now, however far away the next read is. It changes nothing for a
// case that has ended or that has no caseId yet.
type ReconcileNow struct {
	// By says who asked, for the record; at most MaxShortTextBytes.
	By string `json:"by,omitempty"`
}

// Check is a read that a person asked for by reconcile-now.
type Check struct {
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// CaseReceipt answers adopt-case, retry-create and cancel.
type CaseReceipt struct {
	Status CaseStatus `json:"status"`
	// Verifying answers adopt-case: the case is bound to the reference once a read has shown it. The state's attention says if that fails.
	Verifying string `json:"verifying,omitempty"`
}
