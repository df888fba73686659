package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Case is the request of the business app and its state.
type Case struct {
	// Start is normalized and valid. Its Request is the newest one: retry-create may replace it.
	Start workflows.CaseStart
	State State
}

// State is all that a case carries over when it continues as new.
type State struct {
	// Version is the version of the code that began the run; see versions.go of the workflow.
	Version int `json:"version"`
	// BegunAt is when the workflow was started. A reference may be used again, so the IDs of notices depend on it. A reset does not change it.
	BegunAt time.Time `json:"begunAt"`

	// CaseID is empty until the creation, a webhook on the case's own URL, or a verified adoption sets it.
	CaseID string `json:"caseId,omitempty"`
	// Adopted: CaseID came from adopt-case, and no webhook on the case's own URL has confirmed it yet.
	Adopted bool `json:"adopted,omitempty"`
	// Verifying is the caseId of adopt-case until a read has verified it. AdoptRefused: the verification failed.
	Verifying    string `json:"verifying,omitempty"`
	AdoptRefused bool   `json:"adoptRefused,omitempty"`

	Creation Creation `json:"creation,omitempty"`
	// Uncertain counts the creations that may have made a case. It is 0 again after a response or an adoption, which settle which case counts.
	Uncertain int `json:"uncertain,omitempty"`
	// CreateAt is the earliest time for POST /cases; zero means at once.
	CreateAt time.Time `json:"createAt,omitzero"`
	// CreateSince is when the creation was requested. NotCreated: for minutes it could not be sent, or was throttled.
	CreateSince time.Time `json:"createSince,omitzero"`
	NotCreated  bool      `json:"notCreated,omitempty"`
	// AskedRun is the run in which a person requested the creation by retry-create.
	AskedRun string `json:"askedRun,omitempty"`

	Status workflows.CaseStatus `json:"status"`
	// Since is when Status was entered, and Source the source of that change.
	Since  time.Time            `json:"since"`
	Source workflows.NewsSource `json:"source,omitempty"`
	// Reason says why the case ended, if Offload did not end it.
	Reason string `json:"reason,omitempty"`

	// Facts merges what the provider has reported. FactsAt is the provider's time of the status in it.
	Facts   workflows.CaseFacts `json:"facts,omitzero"`
	FactsAt time.Time           `json:"factsAt,omitzero"`
	// UnknownStatus is the status in the last read, if Offload does not document it.
	UnknownStatus string `json:"unknownStatus,omitempty"`
	// WebhookApplied: a webhook has been applied. EndByWebhook: the webhook of the end has been applied. Only webhooks have metadata and
	// failureReason.
	WebhookApplied bool `json:"heardWebhook,omitempty"`
	EndByWebhook   bool `json:"heardEnd,omitempty"`
	// Unconfirmed are events that have no effect until a read agrees with them. A proven end that only lacks its time also counts if the read
	// fails, at the deadline, and at a cancellation.
	Unconfirmed []workflows.CaseEvent `json:"unconfirmed,omitempty"`
	// HeldEnd is a proven end without fields that GET has. It is applied after a read that shows the end, or if the first read fails. A first
	// read that does not show the end sets HeldUntil. At that time the case is read once more, and then the end counts, also if that read does
	// not show it.
	HeldEnd   *workflows.CaseEvent `json:"heldEnd,omitempty"`
	HeldUntil time.Time            `json:"heldUntil,omitzero"`
	// ReadWanted requests one read of the case, now. Reads counts the events that need a read after them; a new number restarts the read.
	ReadWanted bool `json:"readWanted,omitempty"`
	Reads      int  `json:"reads,omitempty"`

	// Known is the parameter of the reconcile activity, and ReconcileAt when that activity starts.
	Known       workflows.KnownCase `json:"known,omitzero"`
	ReconcileAt time.Time           `json:"reconcileAt,omitzero"`
	// ReconcileAsked is the newest reconcile-now until it is done. ReconcilesAsked counts them; a new number restarts the reconcile activity.
	ReconcileAsked  *workflows.Check `json:"check,omitempty"`
	ReconcilesAsked int              `json:"checks,omitempty"`
	// Trouble is the attention that a failing provider call has raised, until a call succeeds. LastError is the error of that call.
	Trouble   string `json:"trouble,omitempty"`
	LastError string `json:"lastError,omitempty"`
	// EarlierTroubles are the troubles before Trouble, since the last successful call. They have no meaning if Trouble is empty.
	EarlierTroubles []string `json:"earlierTroubles,omitempty"`

	Asked Asked `json:"asked,omitzero"`
	// ClosedQuestion is the ID of a question whose answer Offload refused because the question is not open, until a read shows it as open, or
	// does not name the open question.
	ClosedQuestion string             `json:"closedQuestion,omitempty"`
	Answers        []workflows.Answer `json:"answers,omitempty"`
	// AcceptedAt is when Offload last accepted an answer.
	AcceptedAt time.Time `json:"acceptedAt,omitzero"`
	// AnswerDelayed: the newest answer has been on its way to Offload for minutes, or Offload has not processed it for an hour.
	AnswerDelayed bool `json:"answerDelayed,omitempty"`

	// ResultCheck is the conclusion of the last result check, and CheckedBytes the size of the checked result.
	ResultCheck  *workflows.ResultCheck `json:"resultCheck,omitempty"`
	CheckedBytes int                    `json:"checkedBytes,omitempty"`

	// GraceUntil is set once, if the deadline passed during an outage: until then the case waits for events accepted meanwhile.
	GraceUntil time.Time `json:"graceUntil,omitzero"`
	// Expiring: the deadline has passed, and the last read is running.
	Expiring bool `json:"expiring,omitempty"`
	// Conflict: Offload reported an end that contradicts the applied one.
	Conflict     bool     `json:"conflict,omitempty"`
	OtherCaseIDs []string `json:"otherCaseIds,omitempty"`

	Outbox rules.Outbox `json:"outbox,omitzero"`
	// Files is the result of starting "offload-files"; empty until it was tried.
	Files FilesStartResult `json:"files,omitempty"`
	// LastAttention is the attention at the end of the last turn of the loop. AttentionSince is when attention last began.
	LastAttention  []string  `json:"noticed,omitempty"`
	AttentionSince time.Time `json:"noticedAt,omitzero"`

	// Seen are the dedupe keys of the newest events.
	Seen          rules.Seen              `json:"seen,omitempty"`
	EventsApplied int                     `json:"eventsApplied,omitempty"`
	Duplicates    int                     `json:"duplicates,omitempty"`
	LateEvents    int                     `json:"lateEvents,omitempty"`
	LastApplied   *workflows.AppliedEvent `json:"lastApplied,omitempty"`
}

// Creation is the status of POST /cases.
type Creation string

// A case that is adopted at its start has no creation.
const (
	// CreationPending: POST /cases is running or will run.
	CreationPending Creation = "pending"
	// CreationUncertain: POST /cases may have created a case.
	CreationUncertain Creation = "uncertain"
	// CreationRejected: Offload refused the request, and the case waits for a corrected one.
	CreationRejected Creation = "rejected"
	// CreationSettled: the result is known, or no longer matters.
	CreationSettled Creation = "settled"
)

// FilesStartResult is the result of starting "offload-files".
type FilesStartResult string

// Results of the start of "offload-files".
const (
	FilesStarted FilesStartResult = "started"
	FilesRefused FilesStartResult = "refused"
)

// Asked is the question that people were last asked.
type Asked struct {
	QuestionID string    `json:"questionId,omitempty"`
	At         time.Time `json:"at,omitzero"`
	// RemindAt is when people are reminded; zero means never.
	RemindAt time.Time `json:"remindAt,omitzero"`
	Expired  bool      `json:"expired,omitempty"`
	// WithoutText: people were asked before the text of the question was known.
	WithoutText bool `json:"withoutText,omitempty"`
	// Unknown: people were told, by a notice of the attention, that the open question is not known.
	Unknown bool `json:"unknown,omitempty"`
}

// Begin returns the case of a normalized, valid start; begun is when the workflow was started. If the deadline has already passed, the case ends
// before anything is created.
func Begin(start workflows.CaseStart, begun, now time.Time) Case {
	c := Case{Start: start, State: State{
		BegunAt: begun,
		Status:  workflows.CaseCreating, Since: now, Source: workflows.NewsByApp,
		Creation: CreationPending, CreateSince: now,
	}}
	if start.CaseID != "" {
		c.State.Creation, c.State.CreateSince = "", time.Time{}
		c.State.CaseID = start.CaseID
		c.State.Status = workflows.CaseRunning
		// Earlier webhooks were missed, so the first read comes at once.
		c.State.ReconcileAt = now
	}
	return Tick(c, now)
}

// Restore returns a case from its start and its carried state.
func Restore(start workflows.CaseStart, state State) Case {
	return Case{Start: start, State: state}
}
