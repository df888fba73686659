package inbox

import (
	"fmt"
	"time"
)

// ClaimRequest says who claims, for how long and how much.
type ClaimRequest struct {
	// Owner names the claimer, unique among all that share the store.
	Owner string
	Now   time.Time
	// Lease is how long the claim is good for without being settled. It must exceed the longest
	// time that handing over one lane may take, or another owner repeats the work.
	Lease time.Duration
	// MaxLanes and MaxPerLane bound the answer; both are at least 1.
	MaxLanes, MaxPerLane int
	// MaxBytes bounds the bodies of the answer together, as they are stored; 0 means
	// DefaultClaimBytes. What does not fit stays unclaimed. Where anything is due, one delivery is
	// handed out however large it is, or nobody would ever get it.
	MaxBytes int64
}

// DefaultClaimBytes is the bound of a claim that names none.
const DefaultClaimBytes = 16 << 20

// ByteLimit is the bound to use.
func (r ClaimRequest) ByteLimit() int64 {
	if r.MaxBytes == 0 {
		return DefaultClaimBytes
	}
	return r.MaxBytes
}

// Validate returns ErrInvalid where a field is missing.
func (r ClaimRequest) Validate() error {
	switch {
	case r.Owner == "":
		return fmt.Errorf("%w: a claim needs an owner", ErrInvalid)
	case r.Now.IsZero():
		return fmt.Errorf("%w: a claim needs the time", ErrInvalid)
	case r.Lease <= 0:
		return fmt.Errorf("%w: a claim needs a lease", ErrInvalid)
	case r.MaxLanes < 1 || r.MaxPerLane < 1:
		return fmt.Errorf("%w: a claim needs room for one lane and one delivery", ErrInvalid)
	case r.MaxBytes < 0:
		return fmt.Errorf("%w: a claim of %d bytes", ErrInvalid, r.MaxBytes)
	}
	return nil
}

// Lane is what a claim hands out of one lane: its oldest pending deliveries, in order.
type Lane struct {
	Name       string
	Deliveries []Delivery
}

// SettleRequest carries one owner's settlements. Settle a lane's deliveries in one request: the
// first retry in it decides when the lane is due again.
type SettleRequest struct {
	Owner       string
	Now         time.Time
	Settlements []Settlement
}

// Settlement says what became of one delivery. Make it with Finish, Retry or Release.
type Settlement struct {
	ID string
	// State is the end that was reached, or pending for a retry or release.
	State  State
	Reason string
	// DueAt is set for a retry alone.
	DueAt time.Time
	// Counted says whether a retry counts as an attempt.
	Counted bool
}

// Finish settles a delivery at its end.
func Finish(id string, end State, reason string) Settlement {
	return Settlement{ID: id, State: end, Reason: reason}
}

// Retry holds the delivery's lane back until due, or until something new arrives in the lane:
// then all of it, from its head, may be claimed at once. Counted says whether the try was the
// delivery's own failure; what was held back because the receiver is away was not.
func Retry(id string, due time.Time, reason string, counted bool) Settlement {
	return Settlement{ID: id, State: StatePending, Reason: reason, DueAt: due, Counted: counted}
}

// Release gives a delivery back untouched.
func Release(id string) Settlement { return Settlement{ID: id, State: StatePending} }

// Validate returns ErrInvalid where a request makes no sense.
func (r SettleRequest) Validate() error {
	if r.Owner == "" || r.Now.IsZero() {
		return fmt.Errorf("%w: a settlement needs an owner and the time", ErrInvalid)
	}
	for i, s := range r.Settlements {
		switch s.State {
		case StatePending, StateDelivered, StateUnmatched, StateLate, StateIgnored, StateDead:
		case StateQuarantined:
			return fmt.Errorf("%w: settlement %d: quarantined is no end", ErrInvalid, i)
		default:
			return fmt.Errorf("%w: settlement %d: unknown state %q", ErrInvalid, i, s.State)
		}
		if s.ID == "" {
			return fmt.Errorf("%w: settlement %d has no delivery ID", ErrInvalid, i)
		}
	}
	return nil
}

// IsRetry tells a retry from a release.
func (s Settlement) IsRetry() bool { return s.State == StatePending && !s.DueAt.IsZero() }

// IsEnd tells an end from a retry or release.
func (s Settlement) IsEnd() bool { return s.State != StatePending }
