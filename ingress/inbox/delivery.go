package inbox

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// The errors that callers distinguish with errors.Is. Any other error is a failure of the store (disk full, file read-only,
// database unreachable): nothing was stored, and a later call may succeed.
var (
	// ErrBusy says that the store did not answer before the context ended, can't be reached, or that too many writes wait already. The write may
	// still happen after the context has ended; to repeat an Append is safe, it finds the duplicate. In HTTP: 503.
	ErrBusy = errors.New("inbox: busy or unreachable")
	// ErrLocked is an ErrBusy: another transaction has locked a row for longer than the store waits. Nothing was written.
	ErrLocked = fmt.Errorf("%w: another transaction has locked a row", ErrBusy)
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("inbox: closed")
	// ErrInvalid says that the call itself is wrong and will not succeed when repeated.
	ErrInvalid = errors.New("inbox: invalid")
	// ErrNotFound says that there is no delivery with the ID.
	ErrNotFound = errors.New("inbox: delivery not found")
	// ErrIDTaken says that another delivery already has the given ID.
	ErrIDTaken = errors.New("inbox: delivery ID is taken")
	// ErrNotReplayable says that a delivery cannot be handed out again: its body has been purged, or it has no lane.
	ErrNotReplayable = errors.New("inbox: delivery cannot be replayed")
	// ErrNewer says that a newer version of the program has changed the tables: this version must not open them.
	ErrNewer = errors.New("inbox: the tables belong to a newer version")
	// ErrOlder and ErrNoTables say that the tables are not up to date, or not there, and that the store was told not to change that.
	ErrOlder    = errors.New("inbox: the tables belong to an older version")
	ErrNoTables = errors.New("inbox: the database has no tables")
)

// State is the state of a delivery.
type State string

// Pending waits to be handed out, quarantined until a person corrects the secret and releases it. The others are ends. Only a replay, or the
// ignored of a person, replaces an end.
const (
	StatePending     State = "pending"
	StateDelivered   State = "delivered"
	StateUnmatched   State = "unmatched"
	StateLate        State = "late"
	StateIgnored     State = "ignored"
	StateDead        State = "dead"
	StateQuarantined State = "quarantined"

	// BeforeAct follows an earlier state in a reason: "late before its replay", "dead before its dismissal by ada".
	BeforeAct    = " before its "
	BeforeReplay = BeforeAct + "replay"
	BeforeEnd    = "the workflow was closed in Temporal before it completed" // reason of a late delivery that would have been in time
)

// States lists every state, in the order in which people read them.
func States() []State {
	return []State{StatePending, StateDelivered, StateUnmatched, StateLate, StateIgnored, StateDead, StateQuarantined}
}

// OpenStates are the states that a person may have to act on. They hold few deliveries, so they are cheap to count.
func OpenStates() []State {
	return []State{StatePending, StateUnmatched, StateLate, StateDead, StateQuarantined}
}

// Delivery is one event as it arrived. Times are kept to the microsecond and returned in UTC.
type Delivery struct {
	// ID is unique and sorts by arrival (see NewID). Append makes one if it is empty.
	ID string `json:"id"`

	State State `json:"state"`
	// Reason says in words why the delivery is in its state.
	Reason string `json:"reason,omitempty"`

	// Provider, Scope (the agent), Kind and Lane come from the caller. A pending delivery needs a Lane.
	Provider string `json:"provider"`
	Scope    string `json:"scope,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Lane     string `json:"lane,omitempty"`
	// DedupeKey is unique within Provider, Scope and Lane. A delivery without one is never a duplicate.
	DedupeKey string `json:"dedupeKey,omitempty"`
	// Body is opaque bytes, sealed by the caller. It is nil in a List and after Purge has removed it. The store keeps the slice
	// given to Append: do not change it afterwards, even if Append fails.
	Body []byte `json:"-"`
	// Fingerprint is the caller's keyed hash of the plain body. It tells a duplicate from a conflict and outlives the body.
	// If one of two deliveries with equal keys has none, they are duplicates.
	Fingerprint []byte `json:"-"`

	// OccurredAt is the provider's time, zero if it gave none.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
	// ReceivedAt is the time of arrival. Retention and age count from it.
	ReceivedAt time.Time `json:"receivedAt"`
	// SettledAt is when the delivery reached its end; equal to ReceivedAt if it was stored as ignored or dead.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// DueAt is when the lane of a pending delivery may be claimed. Only Get returns it.
	DueAt time.Time `json:"dueAt,omitzero"`
	// UnmatchedSince is when its workflow was first not found, zero before.
	UnmatchedSince time.Time `json:"unmatchedSince,omitzero"`

	// Attempts counts the retries that were settled as counted.
	Attempts int `json:"attempts,omitempty"`
	// Duplicates counts the arrivals after the first.
	Duplicates      int       `json:"duplicates,omitempty"`
	LastDuplicateAt time.Time `json:"lastDuplicateAt,omitzero"`
	// ConflictOf is the ID of the first delivery with the same key, if this one's body differs from it.
	ConflictOf string `json:"conflictOf,omitempty"`
	// TraceParent is the W3C traceparent of the request that brought it; empty without traces.
	TraceParent string `json:"traceParent,omitempty"`
}

// Outcome says what Append did with a delivery.
type Outcome string

// New was stored. Duplicate was counted on the delivery that came first. Conflict has the key of an earlier delivery but
// another body: it was stored and flagged, and the receiver decides.
const (
	OutcomeNew       Outcome = "new"
	OutcomeDuplicate Outcome = "duplicate"
	OutcomeConflict  Outcome = "conflict"
)

// Receipt is Append's answer for one delivery.
type Receipt struct {
	// ID is the ID of the stored delivery; for a duplicate, that of the first delivery with the key.
	ID      string
	Outcome Outcome
	// ConflictOf is set for a conflict: the first delivery with the same key.
	ConflictOf string
}

// Prepare returns the deliveries as a store writes them: validated, with an ID and SettledAt. It is for stores. It returns
// ErrInvalid, which names the position.
func Prepare(deliveries []Delivery) ([]Delivery, error) {
	prepared := make([]Delivery, len(deliveries))
	for i, d := range deliveries {
		if err := d.validate(); err != nil {
			return nil, fmt.Errorf("inbox: append delivery %d: %w", i, err)
		}
		if d.ID == "" {
			d.ID = NewID(d.ReceivedAt)
		}
		if d.State == StateIgnored || d.State == StateDead {
			d.SettledAt = d.ReceivedAt
		}
		prepared[i] = d
	}
	return prepared, nil
}

// validate returns ErrInvalid for a delivery that can't be stored.
func (d Delivery) validate() error {
	switch {
	case !slices.Contains([]State{StatePending, StateIgnored, StateDead, StateQuarantined}, d.State):
		return fmt.Errorf("%w: a delivery cannot arrive in state %q", ErrInvalid, d.State)
	case d.State == StatePending && d.Lane == "":
		return fmt.Errorf("%w: a pending delivery needs a lane", ErrInvalid)
	case d.Provider == "":
		return fmt.Errorf("%w: a delivery needs a provider", ErrInvalid)
	case d.ReceivedAt.IsZero():
		return fmt.Errorf("%w: a delivery needs its time of arrival", ErrInvalid)
	case len(d.Body) == 0:
		return fmt.Errorf("%w: a delivery needs a body", ErrInvalid)
	case d.ID != "":
		return ValidateID(d.ID)
	}
	return nil
}
