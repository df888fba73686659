package workflows

import "time"

// CreateCaseParams is the argument of the activity "offload.create-case". The activity adds the capability URL itself, so that
// it stands in no history.
type CreateCaseParams struct {
	Account   string      `json:"account"`
	Reference string      `json:"reference"`
	Request   CaseRequest `json:"request"`
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

// ProvideInputResult says what became of the answer.
type ProvideInputResult struct {
	Result InputResult `json:"result"`
	// Message is what the provider said of an answer that it did not accept, for whoever looks.
	Message string `json:"message,omitempty"`
}

// InputResult is what POST /cases/{id}/input answered, as far as it settles the matter.
type InputResult string

// What may become of an answer. Anything but accepted and already_resolved calls for a look at the case.
const (
	InputAccepted        InputResult = "accepted"         // 202
	InputAlreadyResolved InputResult = "already_resolved" // 409 INPUT_REQUEST_NOT_PENDING; after a lost response it was ours
	InputNotWaiting      InputResult = "not_waiting"      // 409 CASE_NOT_WAITING_FOR_INPUT
	InputMismatch        InputResult = "mismatch"         // 409 INPUT_REQUEST_MISMATCH
	InputRejected        InputResult = "rejected"         // 400, 401, 403, 404: it can't be delivered
	InputUnsettled       InputResult = "unsettled"        // given up while under way, since the case went on without it; it may have arrived
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
	// Floor and Ceiling bound the pause between two looks.
	Floor   Duration `json:"floor"`
	Ceiling Duration `json:"ceiling"`
}

// KnownCase is what the workflow knows already: news is what differs from it.
type KnownCase struct {
	Status         string    `json:"status,omitempty"`
	UpdatedAt      time.Time `json:"updatedAt,omitzero"`
	QuestionID     string    `json:"questionId,omitempty"`
	QuestionStatus string    `json:"questionStatus,omitempty"`
}
