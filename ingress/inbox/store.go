package inbox

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Store keeps deliveries. All methods are safe for concurrent use, also by several processes that have opened the same inbox.
// What Append, Replay, Purge, Trim and Audit write is on disk (fsynced) when they return nil; see ErrBusy for a context that
// ends before. What Claim, Renew and Settle write survives the death of a process, and of a machine once one of the others
// has returned: until then a power cut may have deliveries handed out again.
type Store interface {
	// Append stores deliveries, all or none, and answers for each in order. Two with one key in the same call are treated as
	// if they had come one after the other. It tries again what certainly was not stored until the context ends.
	Append(ctx context.Context, deliveries []Delivery) ([]Receipt, error)
	// Claim hands out due lanes, the longest due first, each with its oldest pending deliveries in order. A lane is handed
	// out to no one else until it is settled or the lease ends. It returns nothing when nothing is due.
	Claim(ctx context.Context, request ClaimRequest) ([]Lane, error)
	// Renew prolongs claims. It leaves out lanes that are not the owner's any more.
	Renew(ctx context.Context, request RenewRequest) error
	// Settle records the results of claimed deliveries, all or none, and ends the claims of their lanes. An end is recorded
	// whoever reports it, since it is a fact; it changes nothing that has reached an end before. A retry or release by an
	// owner whose claim is over changes nothing. Unknown IDs are left out.
	Settle(ctx context.Context, request SettleRequest) error

	// Get returns one delivery with its body, or ErrNotFound.
	Get(ctx context.Context, id string) (Delivery, error)
	// List returns deliveries without bodies, the newest arrival first.
	List(ctx context.Context, filter Filter) (Page, error)
	// Counts returns the number of deliveries in each of the states, or in all where none is named, states without any
	// included. It reads them one by one, so that all states cost time by the million.
	Counts(ctx context.Context, states ...State) (map[State]int64, error)
	// OldestPending returns the arrival of the oldest pending delivery; false when none is pending.
	OldestPending(ctx context.Context) (time.Time, bool, error)
	// Check returns why the store can't be used now; nil: it can.
	Check(ctx context.Context) error
	// Size returns how much disk space the inbox takes.
	Size(ctx context.Context) (Size, error)

	// Replay makes a delivery pending again, whatever its state, in its old place in the lane. ErrNotFound or
	// ErrNotReplayable say why not.
	Replay(ctx context.Context, id string, now time.Time) error
	// Purge ends the retention of bodies and rows. It never touches what is pending. It works in short transactions and stops
	// between two of them when the context ends; what was purged until then is counted.
	Purge(ctx context.Context, request PurgeRequest) (Purged, error)
	// Trim bounds how many deliveries one sender can hold in a state, and returns how many went.
	Trim(ctx context.Context, request TrimRequest) (int, error)

	// Audit records that a person is about to do something. AuditTrail returns what was recorded, the newest first; cursor is
	// the ID of the last entry seen, empty at first.
	Audit(ctx context.Context, entry AuditEntry) error
	AuditTrail(ctx context.Context, cursor string, limit int) ([]AuditEntry, error)

	// Wake returns a channel that receives soon after this store made something due. It holds one token, so one that was
	// missed is not lost, and is shared by all who listen. What becomes due by the passing of time or by another process
	// sends nothing: claim now and then as well.
	Wake() <-chan struct{}
	// Close finishes what was accepted, then closes the store. Later calls return ErrClosed.
	Close() error
}

// Size is in bytes. Log is what is written ahead of the tables, 0 where the database keeps that to itself.
type Size struct{ Tables, Log int64 }

// MaxPage is the most deliveries that one List returns; DefaultPage is used for no limit.
const (
	MaxPage     = 500
	DefaultPage = 50
)

// Filter chooses deliveries. An empty field chooses all.
type Filter struct {
	States                []State
	Provider, Scope, Kind string
	Lane                  string
	// Since is inclusive, Until is exclusive; both compare the arrival that the ID was made with.
	Since, Until time.Time
	// Cursor is a Page's Next, given with the same filter.
	Cursor string
	Limit  int
}

// Page is one part of a list. Next is empty on the last; else it is the ID of the page's last delivery.
type Page struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// PageSize returns the limit to use; too large a one is cut to MaxPage.
func (f Filter) PageSize() int {
	if f.Limit <= 0 {
		return DefaultPage
	}
	return min(f.Limit, MaxPage)
}

// Validate returns ErrInvalid for a state that does not exist and for what is no cursor.
func (f Filter) Validate() error {
	for _, s := range f.States {
		if !slices.Contains(States(), s) {
			return fmt.Errorf("%w: unknown state %q", ErrInvalid, s)
		}
	}
	if f.Cursor != "" && ParseID(f.Cursor) != nil {
		return fmt.Errorf("%w: %q is no cursor of this list", ErrInvalid, f.Cursor)
	}
	return nil
}

// PurgeRequest says whose retention has ended, by arrival. A zero time purges nothing.
type PurgeRequest struct {
	Now time.Time
	// BodiesBefore removes the bodies of older deliveries. Their rows, keys and fingerprints stay, so that a late repetition
	// is still recognised. Quarantined ones keep theirs: without it they could never be released, and Trim bounds them.
	BodiesBefore time.Time
	// RowsBefore removes older deliveries altogether, with their keys, quarantined ones too.
	RowsBefore time.Time
}

// Ahead is how far an arrival may lie after a purge's Now. What lies further arrived while a clock was wrong, and its
// retention begins with that purge.
const Ahead = 24 * time.Hour

// Purged counts what Purge removed. Rows that took their bodies along are counted as rows only.
type Purged struct {
	Bodies int `json:"bodies"`
	Rows   int `json:"rows"`
}

// TrimRequest bounds the deliveries of one provider and scope in one state, which may not be pending: those whose last
// arrival, counting duplicates, is the longest ago go first.
type TrimRequest struct {
	State           State
	Provider, Scope string
	// Keep is how many may stay.
	Keep int
	// LastKinds go only when nothing else is left to go.
	LastKinds []string
}

// AuditEntry is one act of a person on the inbox. None holds a body.
type AuditEntry struct {
	// ID sorts by time (see NewID). Empty at Audit: the store makes one.
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Who is the person or the token's name.
	Who string `json:"who"`
	// Action is one word, such as reveal, replay, release, purge.
	Action string `json:"action"`
	// Subject is what it was done to: a delivery's ID, an agent, or a filter in words.
	Subject string `json:"subject,omitempty"`
}
