// Package desk is what people do with the inbox, on the command line and over the API: see, reveal, replay, release and purge deliveries.
// Before each act that shows or changes something the inbox records who is about to do it; where it can't, nothing is done.
package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Desk is one person's access to an inbox.
type Desk struct {
	Inbox inbox.Store
	// Keys open bodies. Nil: bodies are withheld.
	Keys *keyring.Ring
	// Secrets are those of each Artmail agent, by which Release verifies.
	Secrets map[string][]string
	// Who is recorded as the one who acts.
	Who string
	Now func() time.Time
}

// The acts that are recorded.
const (
	actReveal  = "reveal"
	actReplay  = "replay"
	actRelease = "release"
	actPurge   = "purge"
)

// RecordReveal records that a secret outside the inbox is about to be shown, such as an agent's API key.
func (d Desk) RecordReveal(ctx context.Context, subject string) error {
	return d.record(ctx, actReveal, subject)
}

// record writes who is about to do what. The caller acts only where it returns nil.
func (d Desk) record(ctx context.Context, action, subject string) error {
	entry := inbox.AuditEntry{At: d.Now(), Who: d.Who, Action: action, Subject: subject}
	if err := d.Inbox.Audit(ctx, entry); err != nil {
		return fmt.Errorf("%s: nothing was done, since the audit record could not be written: %w", action, err)
	}
	return nil
}

// List returns deliveries without bodies, the newest arrival first.
func (d Desk) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	page, err := d.Inbox.List(ctx, filter)
	if page.Deliveries == nil {
		page.Deliveries = []inbox.Delivery{}
	}
	return page, err
}

// AuditPage is one part of the audit trail, the newest first. Next is the cursor of the following part, empty on the last.
type AuditPage struct {
	Entries []inbox.AuditEntry `json:"entries"`
	Next    string             `json:"next,omitempty"`
}

// MaxAuditPage is the most entries of a page. It leaves room for one more, by which AuditPage tells whether a page is the last.
const MaxAuditPage = inbox.MaxPage - 1

// AuditPage returns a page; cursor is empty at first. A limit of 0 means inbox.DefaultPage.
func (d Desk) AuditPage(ctx context.Context, cursor string, limit int) (AuditPage, error) {
	if cursor != "" && inbox.ParseID(cursor) != nil {
		return AuditPage{}, fmt.Errorf("%w: cursor: it is none of this list: begin without one", inbox.ErrInvalid)
	}
	limit = min(inbox.Filter{Limit: limit}.PageSize(), MaxAuditPage)
	entries, err := d.Inbox.AuditTrail(ctx, cursor, limit+1)
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{Entries: entries}
	if len(entries) > limit {
		page = AuditPage{Entries: entries[:limit], Next: entries[limit-1].ID}
	}
	if page.Entries == nil {
		page.Entries = []inbox.AuditEntry{}
	}
	return page, nil
}

// Counts are the deliveries by state. OldestPending is the zero time where nothing is pending.
type Counts struct {
	States        map[inbox.State]int64 `json:"states"`
	OldestPending time.Time             `json:"oldestPending,omitzero"`
}

// Count counts every delivery, which takes time in proportion to their number.
func (d Desk) Count(ctx context.Context) (Counts, error) {
	states, err := d.Inbox.Counts(ctx)
	if err != nil {
		return Counts{}, err
	}
	oldest, _, err := d.Inbox.OldestPending(ctx)
	return Counts{States: states, OldestPending: oldest}, err
}
