// Package inboxadmin is what people do with the inbox on the command line and over the API: show, reveal, replay, dismiss, release, purge and
// erase deliveries. The inbox records the person before each act that reveals or changes data; if it can't, the act fails and nothing is done.
package inboxadmin

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Admin is one person's access to an inbox.
type Admin struct {
	Inbox inbox.Store
	// Keys open bodies. Without keys, bodies are withheld.
	Keys *keyring.Ring
	// Secrets are the webhook secrets of each Artmail agent, with which Release verifies.
	Secrets map[string][]string
	// Who is the name of the person in the audit record.
	Who string
	Now func() time.Time
}

// The acts that are recorded.
const (
	actReveal  = "reveal"
	actReplay  = "replay"
	actDismiss = "dismiss"
	actRelease = "release"
	actPurge   = "purge"
)

// RecordReveal records that the person is about to see a secret from outside the inbox, such as an agent's API key.
func (a Admin) RecordReveal(ctx context.Context, subject string) error {
	return a.record(ctx, actReveal, subject)
}

// record writes an audit record. The caller must not act if it fails.
func (a Admin) record(ctx context.Context, action, subject string) error {
	entry := inbox.AuditEntry{At: a.Now(), Who: a.Who, Action: action, Subject: subject}
	if err := a.Inbox.Audit(ctx, entry); err != nil {
		return fmt.Errorf("%s: write the audit record (nothing was done): %w", action, err)
	}
	return nil
}

// List returns deliveries without bodies, the newest arrival first.
func (a Admin) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	page, err := a.Inbox.List(ctx, filter)
	if page.Deliveries == nil {
		page.Deliveries = []inbox.Delivery{}
	}
	return page, err
}

// AuditPage is one page of the audit trail, the newest entry first. Next is the cursor of the next page, empty on the last.
type AuditPage struct {
	Entries []inbox.AuditEntry `json:"entries"`
	Next    string             `json:"next,omitempty"`
}

// MaxAuditPage is the most entries of a page. It is one less than inbox.MaxPage, because AuditPage reads one more entry to find out whether
// the page is the last.
const MaxAuditPage = inbox.MaxPage - 1

// AuditPage returns a page. An empty cursor returns the first page; a limit of 0 means inbox.DefaultPage.
func (a Admin) AuditPage(ctx context.Context, cursor string, limit int) (AuditPage, error) {
	if cursor != "" && inbox.ValidateID(cursor) != nil {
		return AuditPage{}, fmt.Errorf("%w: cursor: it is not a cursor of this list: begin without one", inbox.ErrInvalid)
	}
	limit = min(inbox.Filter{Limit: limit}.PageSize(), MaxAuditPage)
	entries, err := a.Inbox.AuditTrail(ctx, cursor, limit+1)
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

// Counts is the number of deliveries by state. OldestPending is when the oldest pending one arrived, zero if none is pending.
type Counts struct {
	States        map[inbox.State]int64 `json:"states"`
	OldestPending time.Time             `json:"oldestPending,omitzero"`
}

// Count counts all deliveries. It takes time in proportion to their number.
func (a Admin) Count(ctx context.Context) (Counts, error) {
	states, err := a.Inbox.Counts(ctx)
	if err != nil {
		return Counts{}, err
	}
	oldest, _, err := a.Inbox.OldestPending(ctx)
	return Counts{States: states, OldestPending: oldest}, err
}
