package workflows

import "time"

// CreateCaseParams is the argument of the activity "offload.create-case". The activity adds the capability URL itself, so that no history
// holds it.
type CreateCaseParams struct {
	Account   string      `json:"account"`
	Reference string      `json:"reference"`
	Request   CaseRequest `json:"request"`
	// OriginalRunID is the workflow's original run ID. If the activity's own run ID differs, the workflow was reset, and the case may exist;
	// the activity then fails as uncertain, unless AskedRun is its own run.
	OriginalRunID string `json:"originalRunId,omitempty"`
	// AskedRun is RetryCreate.RunID, if a person requested this creation.
	AskedRun string `json:"askedRun,omitempty"`
}

// CreateCaseResult is the response to POST /cases.
type CreateCaseResult struct {
	CaseID string `json:"caseId"`
}

// ProvideInputParams is the argument of the activity "offload.provide-input".
type ProvideInputParams struct {
	Account    string `json:"account"`
	CaseID     string `json:"caseId"`
	QuestionID string `json:"questionId"`
	Text       string `json:"text"`
}

// ProvideInputResult is the result of the activity "offload.provide-input".
type ProvideInputResult struct {
	Result InputResult `json:"result"`
	// Message is the provider's error message for an answer that it did not accept.
	Message string `json:"message,omitempty"`
}

// InputResult is the result of sending an answer.
type InputResult string

// Results of sending an answer. After any result except accepted and already_resolved, the workflow reads the case.
const (
	InputAccepted        InputResult = "accepted"         // 202
	InputAlreadyResolved InputResult = "already_resolved" // 409 INPUT_REQUEST_NOT_PENDING, for example for the second attempt after a lost response
	InputNotWaiting      InputResult = "not_waiting"      // 409 CASE_NOT_WAITING_FOR_INPUT
	InputMismatch        InputResult = "mismatch"         // 409 INPUT_REQUEST_MISMATCH
	InputRejected        InputResult = "rejected"         // any other 4xx except 408 and 429: Offload refuses the answer; or this worker can't send it
	InputUnsettled       InputResult = "unsettled"        // given up while it was being sent, because the case went on, so it may have arrived; or accepted, but Offload still asks
	InputOvertaken       InputResult = "overtaken"        // not sent, because the case ended or asked another question first
)

// GetCaseParams is the argument of the activity "offload.get-case".
type GetCaseParams struct {
	Account string `json:"account"`
	CaseID  string `json:"caseId"`
	// Number is for the workflow only: it tells a read that began before an event from one that began after it.
	Number int `json:"number,omitempty"`
}

// ReconcileCaseParams is the argument of the activity "offload.reconcile-case". The activity reads the case until it differs from Known.
type ReconcileCaseParams struct {
	Account string    `json:"account"`
	CaseID  string    `json:"caseId"`
	Known   KnownCase `json:"known"`
	// Floor and Ceiling bound the pause between two reads.
	Floor   Duration `json:"floor"`
	Ceiling Duration `json:"ceiling"`
	// Check is the number of the reconcile-now that requested this read; its first successful read counts as news even without a change.
	// Zero: no person asked.
	Check int `json:"check,omitempty"`
}

// KnownCase is what the workflow already knows of a case.
type KnownCase struct {
	Status         string    `json:"status,omitempty"`
	UpdatedAt      time.Time `json:"updatedAt,omitzero"`
	QuestionID     string    `json:"questionId,omitempty"`
	QuestionStatus string    `json:"questionStatus,omitempty"`
}
