package inbox

import (
	"fmt"
	"slices"
	"time"
)

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

// PageOf makes a page of the deliveries found, which are one more than the limit where there are more. It is for stores.
func PageOf(found []Delivery, limit int) Page {
	page := Page{Deliveries: found}
	if len(found) > limit {
		page = Page{Deliveries: found[:limit], Next: found[limit-1].ID}
	}
	if page.Deliveries == nil {
		page.Deliveries = []Delivery{}
	}
	return page
}
