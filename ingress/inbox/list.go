package inbox

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// MaxPage is the most deliveries that one List returns; DefaultPage is used for no limit.
const (
	MaxPage     = 500
	DefaultPage = 50
)

// Filter chooses deliveries. An empty field chooses all. A store answers every filter from an
// index: a person waits for it, and a table of deliveries is long.
type Filter struct {
	States                []State
	Provider, Scope, Kind string
	Lane                  string
	// Since is inclusive, Until is exclusive; both compare ReceivedAt.
	Since, Until time.Time
	// Cursor is a Page's Next, given with the same filter.
	Cursor string
	Limit  int
}

// Page is one part of a list. Next is empty on the last.
type Page struct {
	Deliveries []Delivery
	Next       string
}

// Cursor spells a place in the list: the sequence that a store gave to the last delivery shown.
// Callers hand it back unread.
func Cursor(sequence int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(sequence)))
}

// ParseCursor reads what Cursor spelt; the error is ErrInvalid.
func ParseCursor(s string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, fmt.Errorf("%w: not a cursor of this list", ErrInvalid)
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// PageSize returns the limit to use; too large a one is cut to MaxPage.
func (f Filter) PageSize() int {
	if f.Limit <= 0 {
		return DefaultPage
	}
	return min(f.Limit, MaxPage)
}

// Validate returns ErrInvalid for a state that does not exist.
func (f Filter) Validate() error {
	for _, s := range f.States {
		switch s {
		case StatePending, StateDelivered, StateUnmatched, StateLate, StateIgnored, StateDead, StateQuarantined:
		default:
			return fmt.Errorf("%w: unknown state %q", ErrInvalid, s)
		}
	}
	return nil
}
