package inbox

import (
	"fmt"
	"time"
)

// State says what became of a delivery.
type State string

// The states. Pending waits to be handed out. Quarantined waits for a person or a mended
// secret. The others are ends, left only by Replay.
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

// Delivery is one event as it arrived. Times are kept to the microsecond and returned in UTC.
type Delivery struct {
	// ID is unique and sorts by time (see NewID). Empty at Append: the store makes one.
	ID string
	// Provider, Scope (the account or agent), Lane and Kind are the caller's. A pending delivery
	// needs a Lane.
	Provider, Scope, Lane, Kind string
	// DedupeKey is unique within Provider, Scope and Lane. A delivery without one is never a
	// duplicate.
	DedupeKey string
	// Body is opaque, sealed by the caller. It is nil in a List, and after its retention ended.
	// The store keeps the slice given to Append: do not change it afterwards, even if Append
	// fails.
	Body []byte
	// Fingerprint is the caller's keyed hash of the plain body. It tells a duplicate from a
	// conflict and outlives the body. Where either side has none, equal keys are duplicates.
	Fingerprint []byte
	// OccurredAt is the provider's time, zero where it gave none.
	OccurredAt time.Time
	// ReceivedAt is the time of arrival, from which retention and age count.
	ReceivedAt time.Time

	State State
	// Reason says in words why the delivery is in its state.
	Reason string
	// ConflictOf is the ID of the first delivery with the same key, where this one's body
	// differed from it. Empty for all others.
	ConflictOf string
	// Attempts counts the failed tries that were settled as counted.
	Attempts int
	// DueAt is when the delivery asks to be handed out: its arrival, or what its last retry said.
	DueAt time.Time
	// Duplicates counts the arrivals after the first.
	Duplicates      int
	LastDuplicateAt time.Time
	// SettledAt is when the delivery reached its end; for one appended at its end, its arrival.
	SettledAt time.Time
}

// Outcome says what Append did with a delivery.
type Outcome string

// New was stored. Duplicate was counted on the delivery that came first. Conflict has the key
// of an earlier delivery but another body: it was stored and flagged, for the receiver to judge.
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
	}
	return nil
}
