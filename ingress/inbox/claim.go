package inbox

import (
	"fmt"
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
		return fmt.Errorf("%w: a claim needs an owner, the time, a lease of at most %s, and limits of at least 1 lane and delivery: %+v",
			ErrInvalid, MaxWait, r)
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
