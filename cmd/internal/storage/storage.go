// Package storage opens the inbox that the setting --inbox names: the path of a SQLite file, or the URL of a PostgreSQL database.
// Several processes may have either open at the same time.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

// ErrNone says that the inbox does not exist yet.
var ErrNone = errors.New("there is no inbox")

// Name returns the setting without its password, for people.
func Name(where string) string {
	if postgres.IsAddress(where) {
		return postgres.Redact(where)
	}
	return where
}

// Open opens the inbox for a process that receives, and creates it if it does not exist. The log may be nil.
func Open(ctx context.Context, where string, log *zap.Logger) (inbox.Store, error) {
	if postgres.IsAddress(where) {
		return opened(postgres.Open(ctx, where, postgres.Options{}))
	}
	return opened(sqlite.Open(ctx, where, sqlite.Options{Logger: log}))
}

// OpenExisting opens an existing inbox, even while other processes have it open. It fails with ErrNone if the inbox does not exist, and with
// inbox.ErrOlder if its tables are older: it does not change them, since a process of an older version may use them.
func OpenExisting(ctx context.Context, where string) (inbox.Store, error) {
	if postgres.IsAddress(where) {
		store, err := opened(postgres.Open(ctx, where, postgres.Options{NoMigrate: true}))
		return store, explain(where, err)
	}
	if _, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNone, where)
	}
	store, err := opened(sqlite.Open(ctx, where, sqlite.Options{NoMigrate: true}))
	return store, explain(where, err)
}

// explain adds what to do about missing or older tables to an error.
func explain(where string, err error) error {
	switch {
	case errors.Is(err, inbox.ErrNoTables):
		return fmt.Errorf("%w at %s: %w; `signalbox ingress` and `signalbox serve` create it when they start", ErrNone, Name(where), inbox.ErrNoTables)
	case errors.Is(err, inbox.ErrOlder):
		return fmt.Errorf("%w; `signalbox ingress` and `signalbox serve` of this version update the tables when they start", err)
	default:
		return err
	}
}

// opened returns a nil interface instead of an interface with a nil pointer.
func opened[S inbox.Store](store S, err error) (inbox.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

// Examine describes the inbox, or says why a process that receives could not start with it. It does not create one.
func Examine(ctx context.Context, where string) (found string, err error) {
	store, err := OpenExisting(ctx, where)
	switch {
	case errors.Is(err, ErrNone):
		return Name(where) + ": no inbox yet; it is made at the first start", canMake(ctx, where)
	case errors.Is(err, inbox.ErrOlder):
		return Name(where) + ": of an older version; it is brought up to date at the first start", canMake(ctx, where)
	case err != nil:
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.Check(ctx); err != nil {
		return "", err
	}
	counts, err := store.Counts(ctx, inbox.StatePending)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %d pending", Name(where), counts[inbox.StatePending]), nil
}

func canMake(ctx context.Context, where string) error {
	if postgres.IsAddress(where) {
		return postgres.CanMake(ctx, where)
	}
	if info, err := os.Stat(filepath.Dir(where)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: the folder does not exist; create it, or correct --inbox (SIGNALBOX_INBOX)", where)
	}
	return nil
}
