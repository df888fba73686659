package inbox

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Store keeps deliveries. All methods are safe for concurrent use, also by several processes that have opened the same inbox.
// What Append, Replay, Purge, Trim, Erase and Audit write is on disk (fsynced) when they return nil; see ErrBusy for a context that
// ends before. What Claim, Renew and Settle write survives the end of a process. It survives a power cut only after one of the
// first six has returned; before that, a power cut may cause deliveries to be handed out again.
type Store interface {
	// Append stores deliveries, all or none, and returns a receipt for each, in order. Two deliveries with the same key in one call
	// are treated as if the second had come later. It may retry until the context ends; a retry stores nothing twice.
	Append(ctx context.Context, deliveries []Delivery) ([]Receipt, error)
	// Claim hands out due lanes, the longest due first, each with its oldest pending deliveries in order. A lane is not
	// handed out again until it is settled or the lease ends. It returns no lanes when none is due.
	Claim(ctx context.Context, request ClaimRequest) ([]Lane, error)
	// Renew extends the leases of claims, and returns the lanes whose leases it extended: the claims of the others are over, or may be.
	Renew(ctx context.Context, request RenewRequest) ([]string, error)
	// Settle records the results of claimed deliveries, all or none, and ends the claims of their lanes. An end replaces pending, even if the
	// claim is over, since it is a fact. A person's ignored replaces quarantined and every end but delivered. It does not replace pending, because
	// a replay may just have set it. A retry or release changes nothing if the claim is over, so a lost answer allows a repeat. It ignores
	// unknown IDs, and returns ErrLocked if another transaction has locked one of the lanes: settle them one by one.
	Settle(ctx context.Context, request SettleRequest) error

	// Get returns one delivery with its body, or ErrNotFound.
	Get(ctx context.Context, id string) (Delivery, error)
	// List returns deliveries without bodies, the newest arrival first.
	List(ctx context.Context, filter Filter) (Page, error)
	// Counts returns the number of deliveries in each of the given states, or in every state if none is given; a state without
	// deliveries counts 0. It takes time in proportion to the deliveries that it counts.
	Counts(ctx context.Context, states ...State) (map[State]int64, error)
	// OldestPending returns the arrival of the oldest pending delivery; false when none is pending.
	OldestPending(ctx context.Context) (time.Time, bool, error)
	// BodiesWithout counts, by state, the bodies that do not begin with a prefix: what an older key has sealed. It reads all bodies.
	BodiesWithout(ctx context.Context, prefix []byte) (map[State]Bodies, error)
	// Check returns nil if the store can be used now, or else the reason.
	Check(ctx context.Context) error
	// Size returns how much disk space the inbox takes.
	Size(ctx context.Context) (Size, error)

	// Replay makes a delivery in any state pending again, in its old place in the lane. It returns ErrNotFound or ErrNotReplayable if it can't.
	Replay(ctx context.Context, id string, now time.Time) error
	// Purge removes bodies and rows whose retention has ended. It never removes a pending delivery. It works in short transactions
	// and stops between two of them when the context ends; the result then counts what was removed until then.
	Purge(ctx context.Context, request PurgeRequest) (Purged, error)
	// Trim removes deliveries of one sender in one state down to a number, and returns how many it removed.
	Trim(ctx context.Context, request TrimRequest) (int, error)

	// Erase removes what deliveries hold: body, lane, key and fingerprint. Of each stay its times, kind and hashes, by which a repetition still counts
	// as a duplicate until the row's retention ends. It takes any state, also pending, and ignores unknown IDs. In the audit trail it replaces
	// the lane's name by ErasedSubject.
	Erase(ctx context.Context, lane string, ids []string) error

	// Audit records that a person is about to do something. AuditTrail returns what was recorded, the newest first; cursor is
	// the ID of the last entry seen, empty at first.
	Audit(ctx context.Context, entry AuditEntry) error
	AuditTrail(ctx context.Context, cursor string, limit int) ([]AuditEntry, error)
	// Audited says whether an act on a subject was recorded.
	Audited(ctx context.Context, action, subject string) (bool, error)

	// Wake returns a channel that receives soon after this store has made a delivery due, and after a claim that may have left some. The
	// channel holds one token, which waits for a receiver; all receivers share it. There is no token for a delivery that another process
	// makes due, or that becomes due with time: call Claim at intervals as well.
	Wake() <-chan struct{}
	// Close writes what was accepted, then closes the store. Later calls return ErrClosed.
	Close() error
}

// Size is in bytes. Log is the write-ahead log, 0 where the database does not show it.
type Size struct{ Tables, Log int64 }

// Bodies is a number of bodies, and when the newest of their deliveries arrived.
type Bodies struct {
	Count  int64
	Newest time.Time
}

// MaxPage is the most deliveries that one List returns; DefaultPage is the page size of a Filter without a Limit.
const (
	MaxPage     = 500
	DefaultPage = 50
)

// Filter chooses deliveries. An empty field chooses all.
type Filter struct {
	States                      []State
	Provider, Scope, Kind, Lane string
	// Since is inclusive, Until is exclusive; both compare the arrival that the ID was made with.
	Since, Until time.Time
	// Cursor is a Page's Next, given with the same filter.
	Cursor string
	Limit  int
}

// Page is one part of a list. Next is the Cursor of the following page, empty on the last one.
type Page struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// PageSize returns how many deliveries a page holds: Limit, at most MaxPage, or DefaultPage.
func (f Filter) PageSize() int {
	if f.Limit <= 0 {
		return DefaultPage
	}
	return min(f.Limit, MaxPage)
}

// Validate returns ErrInvalid for an unknown state or a malformed cursor.
func (f Filter) Validate() error {
	for _, s := range f.States {
		if !slices.Contains(States(), s) {
			return fmt.Errorf("%w: state: %q is unknown", ErrInvalid, s)
		}
	}
	if f.Cursor != "" && ValidateID(f.Cursor) != nil {
		return fmt.Errorf("%w: cursor: %q is not a cursor of this list: begin without one", ErrInvalid, f.Cursor)
	}
	return nil
}

// PurgeRequest says which deliveries to purge, by their time of arrival. A zero time purges nothing.
type PurgeRequest struct {
	Now time.Time
	// BodiesBefore removes the bodies of older deliveries. Their rows, keys and fingerprints stay, so that a late repetition
	// is still recognised. Quarantined deliveries keep their bodies: they can't be released without, and Trim bounds them.
	BodiesBefore time.Time
	// RowsBefore removes older deliveries completely, with their keys, quarantined ones too.
	RowsBefore time.Time
}

// Ahead is how far a time of arrival may lie after a purge's Now. A later one comes from a clock that was ahead: the retention of such a
// delivery begins with that purge, and may last longer by as much as the clock was ahead, if that was less than the retention.
const Ahead = 24 * time.Hour

// Purged counts what Purge removed. A row that was removed with its body counts as a row only.
type Purged struct {
	Bodies int `json:"bodies"`
	Rows   int `json:"rows"`
}

// TrimRequest bounds the deliveries of one provider and scope in one state, other than pending and delivered. Those
// that arrived longest ago are removed first; a duplicate counts as a new arrival.
type TrimRequest struct {
	State           State
	Provider, Scope string
	// Keep is how many stay.
	Keep int
	// LastKinds are removed only after all other kinds, in this order.
	LastKinds []string
}

// AuditEntry is one act of a person on the inbox. It holds no body.
type AuditEntry struct {
	// ID sorts by time (see NewID). Audit makes one if it is empty.
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Who is the name of the person or of the token.
	Who string `json:"who"`
	// Action is one word, such as reveal, replay, release, dismiss, purge, erase.
	Action string `json:"action"`
	// Subject is what it was done to: a delivery's ID, an agent, or a filter in words.
	Subject string `json:"subject,omitempty"`
}

// ActErase is the action of an erasure, ErasedSubject its subject: a hash of the lane, since the record stays and must hold nothing personal.
const ActErase = "erase"

func ErasedSubject(lane string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(lane))) }
