package inbox

import (
	"context"
	"time"
)

// Store keeps deliveries. All methods are safe for concurrent use. Every write is durable (on
// disk, fsynced) when it returns nil; see ErrBusy for a context that ends before.
type Store interface {
	// Append stores deliveries, all or none, and answers for each in order. Two with one key in
	// the same call are treated as if they had come one after the other.
	Append(ctx context.Context, deliveries []Delivery) ([]Receipt, error)
	// Claim hands out due lanes, the longest due first, each with its oldest pending deliveries
	// in order. A lane is handed out to no one else until all that was handed out is settled, or
	// the lease ends. It returns nothing when nothing is due.
	Claim(ctx context.Context, request ClaimRequest) ([]Lane, error)
	// Settle records what became of claimed deliveries, all or none, and ends the claims whose
	// deliveries are all settled. An end is recorded whoever reports it, since it is a fact; it
	// changes nothing that has reached an end before. A retry or release by an owner whose claim
	// is over changes nothing. Unknown IDs are left out.
	Settle(ctx context.Context, request SettleRequest) error

	// Get returns one delivery with its body, or ErrNotFound.
	Get(ctx context.Context, id string) (Delivery, error)
	// List returns deliveries without bodies, the newest arrival first.
	List(ctx context.Context, filter Filter) (Page, error)
	// Counts returns the number of deliveries in each state, states without any included. Its
	// cost does not depend on the number of rows.
	Counts(ctx context.Context) (map[State]int64, error)
	// OldestPending returns the arrival of the oldest pending delivery; false when none is pending.
	OldestPending(ctx context.Context) (time.Time, bool, error)

	// Replay makes a delivery pending again, whatever became of it, in its old place in the
	// lane. ErrNotFound or ErrNotReplayable say why not.
	Replay(ctx context.Context, id string, now time.Time) error
	// Purge ends the retention of bodies and rows. It never touches what is pending.
	Purge(ctx context.Context, request PurgeRequest) (Purged, error)
	// Trim bounds how many deliveries one sender can hold in a state, and returns how many went.
	Trim(ctx context.Context, request TrimRequest) (int, error)

	// Wake returns a channel that receives soon after something became due to be claimed. It
	// holds one token, so one that was missed is not lost, and is shared by all who listen.
	// A retry that becomes due by the passing of time sends nothing: claim now and then as well.
	Wake() <-chan struct{}
	// Close finishes what was accepted, then closes the store. Later calls return ErrClosed.
	Close() error
}

// PurgeRequest says whose retention has ended, by arrival. A zero time purges nothing.
type PurgeRequest struct {
	// BodiesBefore removes the bodies of older deliveries. Their rows, keys and fingerprints
	// stay, so that a late repetition is still recognised. Quarantined ones keep theirs: without
	// it they could never be released, and Trim bounds them.
	BodiesBefore time.Time
	// RowsBefore removes older deliveries altogether, with their keys, quarantined ones too.
	RowsBefore time.Time
}

// Purged counts what Purge removed. Rows that took their bodies along are counted as rows only.
type Purged struct{ Bodies, Rows int }

// TrimRequest bounds the deliveries of one provider and scope in one state, which may not be
// pending: those whose last arrival, counting duplicates, is the longest ago go first.
type TrimRequest struct {
	State           State
	Provider, Scope string
	// Keep is how many may stay.
	Keep int
	// LastKinds go only when nothing else is left to go.
	LastKinds []string
}
