package torture

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// What a run must know of the kind of its inbox is here; all else is in settings.Inbox, which the ingress understands.

// inboxKind is how the report calls it.
const inboxKind = "SQLite"

// inboxIn is where the inbox of a run is kept.
func inboxIn(folder string) string { return filepath.Join(folder, "inbox.db") }

// growing is the file of the inbox that grows with each write: SQLite's write-ahead log.
func (s settings) growing() string { return s.Inbox + "-wal" }

// openInbox opens the inbox while no ingress has it.
func (s settings) openInbox(ctx context.Context) (inbox.Store, error) {
	return sqlite.Open(ctx, s.Inbox, sqlite.Options{})
}

// readInbox reads every delivery and opens its body.
func readInbox(ctx context.Context, store inbox.Store, keys *keyring.Ring) ([]storedEvent, error) {
	var all []storedEvent
	filter := inbox.Filter{Limit: inbox.MaxPage}
	for {
		page, err := store.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, listed := range page.Deliveries {
			d, err := store.Get(ctx, listed.ID)
			if err != nil {
				return nil, err
			}
			plain, err := keys.Open(d.Body, bodyContext(d)...)
			if err != nil {
				return nil, fmt.Errorf("open delivery %s: %w", d.ID, err)
			}
			all = append(all, storedEvent{
				id: d.ID, lane: d.Lane, kind: d.Kind, state: d.State, reason: d.Reason, conflict: d.ConflictOf != "", print: sha256.Sum256(plain),
			})
		}
		if page.Next == "" {
			return all, nil
		}
		filter.Cursor = page.Next
	}
}

func bodyContext(d inbox.Delivery) []string {
	if d.Provider == artmailhook.Provider {
		return artmailhook.BodyContext(d.Lane, d.ID)
	}
	return offloadhook.BodyContext(d.Lane, d.ID)
}
