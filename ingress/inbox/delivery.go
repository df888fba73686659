package inbox

import (
	"errors"
	"fmt"
	"time"
)

// The errors that callers tell apart with errors.Is. Any other error is the store's own trouble (disk full, file read-only,
// database away): nothing was stored, and a later call may succeed.
var (
	// ErrBusy says that the store did not answer within the context, or had too much waiting to accept more. After the
	// context ended the write may still happen; a repetition is then a duplicate like any other. In HTTP: 503.
	ErrBusy = errors.New("inbox: busy")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("inbox: closed")
	// ErrInvalid says that the call itself is wrong and will not succeed when repeated.
	ErrInvalid = errors.New("inbox: invalid")
	// ErrNotFound says that there is no delivery with the ID.
	ErrNotFound = errors.New("inbox: delivery not found")
	// ErrIDTaken says that a given ID belongs to another delivery already.
	ErrIDTaken = errors.New("inbox: delivery ID is taken")
	// ErrNotReplayable says that a delivery cannot be handed out again: its body is past its retention, or it has no lane.
	ErrNotReplayable = errors.New("inbox: delivery cannot be replayed")
	// ErrNewer says that a newer version of the program has changed the tables: this version must not start on them.
	ErrNewer = errors.New("inbox: its tables are of a newer version")
)

// State says where a delivery stands.
type State string

// The states. Pending waits to be handed out. Quarantined waits for a person or a mended secret. The others are ends, left
// only by Replay.
const (
	StatePending     State = "pending"
	StateDelivered   State = "delivered"
	StateUnmatched   State = "unmatched"
	StateLate        State = "late"
	StateIgnored     State = "ignored"
	StateDead        State = "dead"
	StateQuarantined State = "quarantined"
)

// States lists every state, in the order in which people read them.
func States() []State {
	return []State{
		StatePending, StateDelivered, StateUnmatched, StateLate, StateIgnored, StateDead, StateQuarantined,
	}
}

// OpenStates are those that a person may have to act on. Counting them costs as much as there are of them.
func OpenStates() []State {
	return []State{StatePending, StateUnmatched, StateLate, StateDead, StateQuarantined}
}

// Delivery is one event as it arrived. Times are kept to the microsecond and returned in UTC.
type Delivery struct {
	// ID is unique and sorts by arrival (see NewID). Empty at Append: the store makes one.
	ID string `json:"id"`

	State State `json:"state"`
	// Reason says in words why the delivery is in its state.
	Reason string `json:"reason,omitempty"`

	// Provider, Scope (the agent), Kind and Lane are the caller's. A pending delivery needs a Lane.
	Provider string `json:"provider"`
	Scope    string `json:"scope,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Lane     string `json:"lane,omitempty"`
	// DedupeKey is unique within Provider, Scope and Lane. A delivery without one is never a duplicate.
	DedupeKey string `json:"dedupeKey,omitempty"`
	// Body is opaque, sealed by the caller. It is nil in a List, and after its retention ended. The store keeps the slice
	// given to Append: do not change it afterwards, even if Append fails.
	Body []byte `json:"-"`
	// Fingerprint is the caller's keyed hash of the plain body. It tells a duplicate from a conflict and outlives the body.
	// Where either side has none, equal keys are duplicates.
	Fingerprint []byte `json:"-"`

	// OccurredAt is the provider's time, zero where it gave none.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
	// ReceivedAt is the time of arrival, from which retention and age count.
	ReceivedAt time.Time `json:"receivedAt"`
	// SettledAt is when the delivery reached its end; for one appended at its end, its arrival.
	SettledAt time.Time `json:"settledAt,omitzero"`
	// DueAt is when the lane of a pending delivery may be claimed. Only Get tells it.
	DueAt time.Time `json:"dueAt,omitzero"`
	// UnmatchedSince is when its workflow was first looked for in vain, zero before.
	UnmatchedSince time.Time `json:"unmatchedSince,omitzero"`

	// Attempts counts the retries that were settled as counted.
	Attempts int `json:"attempts,omitempty"`
	// Duplicates counts the arrivals after the first.
	Duplicates      int       `json:"duplicates,omitempty"`
	LastDuplicateAt time.Time `json:"lastDuplicateAt,omitzero"`
	// ConflictOf is the ID of the first delivery with the same key, where this one's body differed from it.
	ConflictOf string `json:"conflictOf,omitempty"`
}

// Outcome says what Append did with a delivery.
type Outcome string

// New was stored. Duplicate was counted on the delivery that came first. Conflict has the key of an earlier delivery but
// another body: it was stored and flagged, and the receiver judges.
const (
	OutcomeNew       Outcome = "new"
	OutcomeDuplicate Outcome = "duplicate"
	OutcomeConflict  Outcome = "conflict"
)

// Receipt is Append's answer for one delivery.
type Receipt struct {
	// ID is the stored delivery's: the given or new one, or for a duplicate the first one's.
	ID      string
	Outcome Outcome
	// ConflictOf is set for a conflict: the first delivery with the same key.
	ConflictOf string
}

// Prepare returns the deliveries as a store writes them: checked, with IDs, and with SettledAt derived. It is for stores; the
// error is ErrInvalid and names the position.
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

// validate says what keeps a delivery out of the table.
func (d Delivery) validate() error {
	switch d.State {
	case StatePending:
		if d.Lane == "" {
			return fmt.Errorf("%w: a pending delivery needs a lane", ErrInvalid)
		}
	case StateIgnored, StateDead, StateQuarantined:
	case StateDelivered, StateUnmatched, StateLate:
		return fmt.Errorf("%w: a delivery cannot arrive in state %q", ErrInvalid, d.State)
	default:
		return fmt.Errorf("%w: unknown state %q", ErrInvalid, d.State)
	}
	switch {
	case d.Provider == "":
		return fmt.Errorf("%w: a delivery needs a provider", ErrInvalid)
	case d.ReceivedAt.IsZero():
		return fmt.Errorf("%w: a delivery needs its time of arrival", ErrInvalid)
	case len(d.Body) == 0:
		return fmt.Errorf("%w: a delivery needs a body", ErrInvalid)
	case d.ID != "":
		return ParseID(d.ID)
	}
	return nil
}
