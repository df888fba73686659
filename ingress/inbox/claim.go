package inbox

import (
	"fmt"
	"slices"
	"time"
)

// ClaimRequest says who claims, for how long and how much.
type ClaimRequest struct {
	// Owner names the claimer, for people who read the tables.
	Owner string
	Now   time.Time
	// Lease is how long the claims hold unless they are renewed or settled. If the owner is killed, its lanes wait until the lease ends.
	Lease time.Duration
	// MaxLanes and MaxPerLane bound the answer; both are at least 1.
	MaxLanes, MaxPerLane int
	// MaxBytes bounds the sum of the returned bodies as they are stored, in bytes; 0 means DefaultClaimBytes. What does not fit stays
	// unclaimed. The first due delivery is handed out even if it is larger: it would wait for ever otherwise.
	MaxBytes int64
}

// DefaultClaimBytes is the MaxBytes of a claim that sets none.
const DefaultClaimBytes = 16 << 20

// MaxWait is the longest wait of a retry, and the longest lease. A lane that has to wait longer got its time from a clock that was
// ahead, and counts as due.
const MaxWait = 10 * time.Minute

// Validate returns ErrInvalid where a field is missing or out of its bounds.
func (r ClaimRequest) Validate() error {
	if r.Owner == "" || r.Now.IsZero() || r.Lease <= 0 || r.Lease > MaxWait || r.MaxLanes < 1 || r.MaxPerLane < 1 || r.MaxBytes < 0 {
		return fmt.Errorf("%w: a claim needs an owner, the time, a lease of at most %s, and limits of at least 1 lane and delivery: %+v", ErrInvalid, MaxWait, r)
	}
	return nil
}

// Lane is a claimed lane: its name and its oldest pending deliveries, in order.
type Lane struct {
	Name string
	// Claim is the number of this claim, never 0. No other claim of the lane has it.
	Claim      int64
	Deliveries []Delivery
}

// RenewRequest extends claims until a time. Claims maps the name of each lane to the number of its claim.
type RenewRequest struct {
	Claims map[string]int64
	Until  time.Time
}

// SettleRequest carries settlements, and ends claims. Claims maps the name of each lane to the number of its claim. Settle all claimed deliveries
// of a lane in one request. An end needs no claim: see Store.Settle.
type SettleRequest struct {
	Now         time.Time
	Claims      map[string]int64
	Settlements []Settlement
}

// Settlement is the result of one delivery. Make it with Finish, Retry, Unmatched or Release.
type Settlement struct {
	ID string
	// State is the end that was reached, or pending for a retry or release.
	State  State
	Reason string
	// DueAt is set for a retry only.
	DueAt time.Time
	// Counted says whether a retry counts as an attempt.
	Counted bool
	// UnmatchedSince is set for a retry of a delivery whose workflow does not exist: when that was first found.
	UnmatchedSince time.Time
}

// Finish settles a delivery at its end.
func Finish(id string, end State, reason string) Settlement {
	return Settlement{ID: id, State: end, Reason: reason}
}

// Retry holds the delivery's lane back until due, at most MaxWait from now. The first retry of a lane in a request decides. What arrives meanwhile
// does not shorten the wait; a replay in the lane ends it. Counted says whether the retry counts as an attempt; it does not if the receiver is
// unavailable or busy.
func Retry(id string, due time.Time, reason string, counted bool) Settlement {
	return Settlement{ID: id, State: StatePending, Reason: reason, DueAt: due, Counted: counted}
}

// Unmatched is an uncounted retry of a delivery because there is no such workflow; since is when that was first found.
func Unmatched(id string, due, since time.Time, reason string) Settlement {
	return Settlement{ID: id, State: StatePending, Reason: reason, DueAt: due, UnmatchedSince: since}
}

// Release gives a delivery back unchanged; its lane may be claimed at once.
func Release(id string) Settlement { return Settlement{ID: id, State: StatePending} }

// IsEnd says whether the delivery reached an end: it is no retry or release.
func (s Settlement) IsEnd() bool { return s.State != StatePending }

// Validate returns ErrInvalid for a missing time or delivery ID, and for a state that can't be settled.
func (r SettleRequest) Validate() error {
	if r.Now.IsZero() {
		return fmt.Errorf("%w: a settlement needs the time", ErrInvalid)
	}
	for i, s := range r.Settlements {
		if s.ID == "" || s.State == StateQuarantined || !slices.Contains(States(), s.State) {
			return fmt.Errorf("%w: settlement %d: state %q of delivery %q can't be settled", ErrInvalid, i, s.State, s.ID)
		}
	}
	return nil
}
