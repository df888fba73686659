package workflows

import "time"

// CreateCaseParams is the argument of the activity "offload.create-case". The activity adds the capability URL itself, so that
// it stands in no history.
type CreateCaseParams struct {
	Account   string      `json:"account"`
	Reference string      `json:"reference"`
	Request   CaseRequest `json:"request"`
	// OriginalRunID is the workflow's original run. Where the activity's own run is another one, the workflow was reset, and the case may
	// exist: the activity then fails as uncertain, unless Asked.
	OriginalRunID string `json:"originalRunId,omitempty"`
	// Asked says that a person asked for this creation by retry-create.
	Asked bool `json:"asked,omitempty"`
}

// CreateCaseResult is what POST /cases answered.
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

// ProvideInputResult is how Offload took the answer.
type ProvideInputResult struct {
	Result InputResult `json:"result"`
	// Message is what the provider said of an answer that it did not accept.
	Message string `json:"message,omitempty"`
}

// InputResult is how the sending of an answer ended.
type InputResult string

// Results of an answer. Any but accepted and already_resolved makes the workflow read the case.
const (
	InputAccepted        InputResult = "accepted"         // 202
	InputAlreadyResolved InputResult = "already_resolved" // 409 INPUT_REQUEST_NOT_PENDING; after a lost response it was ours
	InputNotWaiting      InputResult = "not_waiting"      // 409 CASE_NOT_WAITING_FOR_INPUT
	InputMismatch        InputResult = "mismatch"         // 409 INPUT_REQUEST_MISMATCH
	InputRejected        InputResult = "rejected"         // 400, 401, 403, 404: it can't be delivered
	InputUnsettled       InputResult = "unsettled"        // given up while under way, since the case went on without it; it may have arrived
	InputOvertaken       InputResult = "overtaken"        // not sent, since the case ended or asked something else before
)

// GetCaseParams is the argument of the activity "offload.get-case".
type GetCaseParams struct {
	Account string `json:"account"`
	CaseID  string `json:"caseId"`
}

// ReconcileCaseParams is the argument of the activity "offload.reconcile-case", which returns only when the provider says
// something other than Known.
type ReconcileCaseParams struct {
	Account string    `json:"account"`
	CaseID  string    `json:"caseId"`
	Known   KnownCase `json:"known"`
	// Floor and Ceiling bound the pause between two reads.
	Floor   Duration `json:"floor"`
	Ceiling Duration `json:"ceiling"`
	// Check is the number of the reconcile-now that asked for this read: the first one that succeeds is then news, even if it shows nothing new. Zero:
	// no person asked.
	Check int `json:"check,omitempty"`
}

// KnownCase is what the workflow knows already: news is what differs from it.
type KnownCase struct {
	Status         string    `json:"status,omitempty"`
	UpdatedAt      time.Time `json:"updatedAt,omitzero"`
	QuestionID     string    `json:"questionId,omitempty"`
	QuestionStatus string    `json:"questionStatus,omitempty"`
}
