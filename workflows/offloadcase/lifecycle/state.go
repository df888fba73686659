package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Case is what the business app asked for and where that stands.
type Case struct {
	// Start is normalized and valid. Its Request is the newest one: retry-create may replace it.
	Start workflows.CaseStart
	State State
}

// State is everything that a case must not forget when it continues as new.
type State struct {
	// Version is the one of the code that began the case; versions.go of the workflow lists them.
	Version int `json:"version"`

	// CaseID is empty until the creation, a webhook on the case's own URL, or a verified adoption has told it.
	CaseID string `json:"caseId,omitempty"`
	// Adopted: CaseID came from adopt-case, and no webhook on the case's own URL has proven it yet.
	Adopted bool `json:"adopted,omitempty"`
	// Verifying is the caseId of adopt-case until a read has verified it. AdoptRefused: the last one was not bound.
	Verifying    string `json:"verifying,omitempty"`
	AdoptRefused bool   `json:"adoptRefused,omitempty"`

	Creation Creation `json:"creation,omitempty"`
	// CreateAt is when POST /cases may be tried; zero is at once.
	CreateAt time.Time `json:"createAt,omitzero"`
	// CreateSince is when the creation was wanted. NotCreated: minutes later it had not been tried, or not taken.
	CreateSince time.Time `json:"createSince,omitzero"`
	NotCreated  bool      `json:"notCreated,omitempty"`
	// CreateAsked: a person asked for the creation by retry-create.
	CreateAsked bool `json:"createAsked,omitempty"`

	Status workflows.CaseStatus `json:"status"`
	// Since is when Status was entered, and Source what brought it.
	Since  time.Time            `json:"since"`
	Source workflows.NewsSource `json:"source,omitempty"`
	// Reason says in words why the case ended, where Offload did not end it.
	Reason string `json:"reason,omitempty"`

	// Facts merges what the provider said; FactsAt is the provider's time of its status.
	Facts   workflows.CaseFacts `json:"facts,omitzero"`
	FactsAt time.Time           `json:"factsAt,omitzero"`
	// UnknownStatus is the status that the last read showed, where it is none that Offload documents.
	UnknownStatus string `json:"unknownStatus,omitempty"`
	// HeardWebhook and HeardEnd say whether a webhook, and the one of the end, was among what was said: only webhooks tell metadata and
	// failureReason.
	HeardWebhook bool `json:"heardWebhook,omitempty"`
	HeardEnd     bool `json:"heardEnd,omitempty"`
	// Unconfirmed are events that count only once a read agrees with them.
	Unconfirmed []workflows.CaseEvent `json:"unconfirmed,omitempty"`
	// HeldEnd is a proven end that omits what GET has: it counts once the case was read, or could not be.
	HeldEnd *workflows.CaseEvent `json:"heldEnd,omitempty"`
	// ReadWanted asks for one read of the case, soon.
	ReadWanted bool `json:"readWanted,omitempty"`

	// Known is what the reconcile activity is told, and ReconcileAt when it is to start.
	Known       workflows.KnownCase `json:"known,omitzero"`
	ReconcileAt time.Time           `json:"reconcileAt,omitzero"`
	// Check is the newest reconcile-now until it is done. Checks counts them, so that the next one starts the reading again.
	Check  *workflows.Check `json:"check,omitempty"`
	Checks int              `json:"checks,omitempty"`
	// Trouble is the attention that a failing provider call raised, until a call succeeds. LastError is what it said.
	Trouble   string `json:"trouble,omitempty"`
	LastError string `json:"lastError,omitempty"`
	// EarlierTroubles are those that calls reported before Trouble, since none has succeeded. They mean nothing without Trouble.
	EarlierTroubles []string `json:"earlierTroubles,omitempty"`

	Asked Asked `json:"asked,omitzero"`
	// ClosedQuestion is the ID of a question that Offload refused an answer to because it isn't open, until a read says that it is.
	ClosedQuestion string             `json:"closedQuestion,omitempty"`
	Answers        []workflows.Answer `json:"answers,omitempty"`
	// AnswerDelayed: minutes after it was given, the newest answer was still on its way to Offload.
	AnswerDelayed bool `json:"answerDelayed,omitempty"`

	// ResultCheck is what the check of the result found, CheckedBytes the size of the result that it is about.
	ResultCheck  *workflows.ResultCheck `json:"resultCheck,omitempty"`
	CheckedBytes int                    `json:"checkedBytes,omitempty"`

	// Expiring: the deadline passed, and one last read is under way.
	Expiring bool `json:"expiring,omitempty"`
	// Conflict: an end was reported that contradicts the one applied.
	Conflict     bool     `json:"conflict,omitempty"`
	OtherCaseIDs []string `json:"otherCaseIds,omitempty"`

	Outbox rules.Outbox `json:"outbox,omitzero"`
	// Files is how the start of "offload-files" went; empty until it was tried.
	Files Files `json:"files,omitempty"`
	// Noticed is the attention when the loop last took its turn, and NoticedAt since when there is any.
	Noticed   []string  `json:"noticed,omitempty"`
	NoticedAt time.Time `json:"noticedAt,omitzero"`

	// Seen are the dedupe keys of the newest events.
	Seen          rules.Seen              `json:"seen,omitempty"`
	EventsApplied int                     `json:"eventsApplied,omitempty"`
	Duplicates    int                     `json:"duplicates,omitempty"`
	LateEvents    int                     `json:"lateEvents,omitempty"`
	LastApplied   *workflows.AppliedEvent `json:"lastApplied,omitempty"`
}

// Creation is where POST /cases stands.
type Creation string

// A case that exists already has no creation at all.
const (
	// CreationPending: it is to be, or is, under way.
	CreationPending Creation = "pending"
	// CreationUncertain: it may have made a case.
	CreationUncertain Creation = "uncertain"
	// CreationRejected: Offload refused the request, and a corrected one is awaited.
	CreationRejected Creation = "rejected"
	// CreationSettled: nothing is left to do or to find out.
	CreationSettled Creation = "settled"
)

// Files is how the start of "offload-files" went.
type Files string

// Results of the start of "offload-files".
const (
	FilesStarted Files = "started"
	FilesRefused Files = "refused"
)

// Asked is the question that was last put to people.
type Asked struct {
	QuestionID string    `json:"questionId,omitempty"`
	At         time.Time `json:"at,omitzero"`
	// RemindAt is when it is put again; zero is never. Reminders counts how often it was.
	RemindAt  time.Time `json:"remindAt,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
	Expired   bool      `json:"expired,omitempty"`
}

// Begin opens the case of a normalized, valid start. A deadline that has passed already ends it before anything is created.
func Begin(start workflows.CaseStart, version int, now time.Time) Case {
	c := Case{Start: start, State: State{
		Version: version,
		Status:  workflows.CaseCreating, Since: now, Source: workflows.NewsByApp,
		Creation: CreationPending, CreateSince: now,
	}}
	if start.CaseID != "" {
		c.State.Creation, c.State.CreateSince = "", time.Time{}
		c.State.CaseID = start.CaseID
		c.State.Status = workflows.CaseRunning
		// Its webhooks may have passed before, so the first read comes at once.
		c.State.ReconcileAt = now
	}
	return Tick(c, now)
}
