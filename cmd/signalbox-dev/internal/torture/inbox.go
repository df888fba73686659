package torture

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// What a run must know of the kind of its inbox is here; all else is in settings.Inbox, which the ingress understands.

// The kinds are named as --inbox names them.
const (
	inboxSQLite   = "sqlite"
	inboxPostgres = "postgres"
)

// titles are how the report calls them.
var titles = map[string]string{inboxSQLite: "SQLite", inboxPostgres: "PostgreSQL"}

// makeInbox says where the inbox of a run is kept, and makes the server that keeps it where there is one.
func makeInbox(folder, kind string) (inbox string, server *pgserver.Server, err error) {
	if kind != inboxPostgres {
		return filepath.Join(folder, "inbox.db"), nil, nil
	}
	// Root runs PostgreSQL as another user, who must be able to enter the folder.
	const passable = 0o711
	own := filepath.Join(folder, inboxPostgres)
	if err := errors.Join(os.Chmod(folder, passable), os.Mkdir(own, 0o700)); err != nil {
		return "", nil, fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	if server, err = pgserver.Make(own); err != nil {
		return "", nil, err
	}
	return server.URL("postgres"), server, nil
}

// fillsDisks says that the ingress's disk can be full: the ingress keeps the inbox in a file.
func (o Options) fillsDisks() bool { return o.Inbox == inboxSQLite }

// growing is the file of the inbox that grows with each write: SQLite's write-ahead log.
func (s settings) growing() string { return s.Inbox + "-wal" }

// openInbox opens the inbox, also while an ingress has it open.
func (s settings) openInbox(ctx context.Context) (inbox.Store, error) {
	return storage.Open(ctx, s.InboxServer, nil)
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
			plain, err := keys.Open(d.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
			if err != nil {
				return nil, fmt.Errorf("open delivery %s: %w", d.ID, err)
			}
			all = append(all, storedEvent{
				id: d.ID, lane: d.Lane, kind: d.Kind, state: d.State, reason: d.Reason, conflict: d.ConflictOf != "", bodyHash: sha256.Sum256(plain),
			})
		}
		if page.Next == "" {
			return all, nil
		}
		filter.Cursor = page.Next
	}
}
