package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// The version of the carried state decides which commands the shell issues, so that a recorded history replays as it ran.
const (
	// versionFirst is the state as first released.
	versionFirst = 1
)

// Case is what the business app asked for and where that stands.
type Case struct {
	// Start is normalized and valid. Its Request is the newest one: retry-create may replace it.
	Start workflows.CaseStart
	State State
}

// State is everything that a case must not forget when it continues as new.
type State struct {
	Version int `json:"version"`

	// CaseID is empty until the creation, a webhook on the case's own URL, or a person has told it.
	CaseID   string   `json:"caseId,omitempty"`
	Creation Creation `json:"creation,omitempty"`
	// CreateAt is when POST /cases may be tried; zero is at once.
	CreateAt time.Time `json:"createAt,omitzero"`

	Status workflows.CaseStatus `json:"status"`
	// Since is when Status was entered, and Source what brought it.
	Since  time.Time            `json:"since"`
	Source workflows.NewsSource `json:"source,omitempty"`
	// Reason says in words why the case ended, where Offload did not end it.
	Reason string `json:"reason,omitempty"`

	// Facts merges what the provider said; FactsAt is the provider's time of its status.
	Facts   workflows.CaseFacts `json:"facts,omitzero"`
	FactsAt time.Time           `json:"factsAt,omitzero"`
	// HeardWebhook and HeardEnd say whether a webhook, and the one of the end, was among what was said: only webhooks tell
	// metadata and failureReason.
	HeardWebhook bool `json:"heardWebhook,omitempty"`
	HeardEnd     bool `json:"heardEnd,omitempty"`
	// Claims are events that count only once a look at the case agrees with them.
	Claims []workflows.CaseEvent `json:"claims,omitempty"`
	// LookWanted asks for one look at the case, soon.
	LookWanted bool `json:"lookWanted,omitempty"`

	// Known is what the reconcile activity is told, and ReconcileAt when it is to start.
	Known       workflows.KnownCase `json:"known,omitzero"`
	ReconcileAt time.Time           `json:"reconcileAt,omitzero"`
	// Trouble is the attention that a failing provider call raised, until a call succeeds. LastError is what it said.
	Trouble   string `json:"trouble,omitempty"`
	LastError string `json:"lastError,omitempty"`

	Asked Asked `json:"asked,omitzero"`
	// ClosedQuestion is the ID of a question that Offload refused an answer to because it isn't open, until a look says that it is.
	ClosedQuestion string             `json:"closedQuestion,omitempty"`
	Answers        []workflows.Answer `json:"answers,omitempty"`

	// Expiring: the deadline passed, and one last look is under way.
	Expiring bool `json:"expiring,omitempty"`
	// Conflict: an end was reported that contradicts the one applied.
	Conflict     bool     `json:"conflict,omitempty"`
	OtherCaseIDs []string `json:"otherCaseIds,omitempty"`

	// StoredFiles and UnstoredFiles are what became of the files after the end, in the order in which that was known. NoBucket: the worker
	// keeps no files, so none is asked for.
	StoredFiles   []workflows.StoredFile   `json:"storedFiles,omitempty"`
	UnstoredFiles []workflows.UnstoredFile `json:"unstoredFiles,omitempty"`
	NoBucket      bool                     `json:"noBucket,omitempty"`

	Outbox      []Letter `json:"outbox,omitempty"`
	ReplyFailed bool     `json:"replyFailed,omitempty"`

	// Seen are the dedupe keys of the newest events, oldest first.
	Seen          []string `json:"seen,omitempty"`
	EventsApplied int      `json:"eventsApplied,omitempty"`
	Duplicates    int      `json:"duplicates,omitempty"`
	LateEvents    int      `json:"lateEvents,omitempty"`
}

// Creation is where POST /cases stands.
type Creation string

// A case that is adopted has no creation at all.
const (
	// CreationPending: it is to be, or is, under way.
	CreationPending Creation = "pending"
	// CreationUncertain: nobody can tell whether it made a case.
	CreationUncertain Creation = "uncertain"
	// CreationRejected: Offload refused the request, and a corrected one is awaited.
	CreationRejected Creation = "rejected"
	// CreationSettled: nothing is left to do or to find out.
	CreationSettled Creation = "settled"
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

// Letter is a reply that ReplyTo has not confirmed yet. The one with the outcome is filled in when it is sent.
type Letter struct {
	ID        string              `json:"id"`
	Question  *workflows.Question `json:"question,omitempty"`
	Attempts  int                 `json:"attempts,omitempty"`
	NotBefore time.Time           `json:"notBefore,omitzero"`
}

func (l Letter) tellsOutcome() bool { return l.Question == nil }

// appended never writes into the array behind the list, which an earlier Case may still show.
func appended[T any](list []T, item T, most int) []T {
	drop := max(0, len(list)+1-most)
	out := make([]T, 0, len(list)+1-drop)
	return append(append(out, list[drop:]...), item)
}
