// Package storage opens the inbox that the setting --inbox names: the path of a SQLite file, which is one process's alone, or the URL of a
// PostgreSQL database, which several processes share.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

// ErrNone says that there is no inbox yet where one should be looked at.
var ErrNone = errors.New("there is no inbox")

// IsShared says whether the inbox can be opened by several processes at once.
func IsShared(where string) bool { return postgres.IsAddress(where) }

// Name is what may be shown of the setting: never a password.
func Name(where string) string {
	if IsShared(where) {
		return postgres.Redact(where)
	}
	return where
}

// Open opens the inbox for a process that receives, and makes it where there is none.
func Open(ctx context.Context, where string) (inbox.Store, error) {
	if IsShared(where) {
		return opened(postgres.Open(ctx, where, postgres.Options{}))
	}
	return opened(sqlite.Open(ctx, where, sqlite.Options{}))
}

// OpenExisting opens the inbox for somebody who looks at it, and never makes one: that is ErrNone.
func OpenExisting(ctx context.Context, where string) (inbox.Store, error) {
	if IsShared(where) {
		store, err := opened(postgres.Open(ctx, where, postgres.Options{Existing: true}))
		if errors.Is(err, postgres.ErrNoInbox) {
			return nil, fmt.Errorf("%w at %s: %w; `signalbox ingress` and `signalbox serve` make or update it when they start", ErrNone, Name(where), postgres.ErrNoInbox)
		}
		return store, err
	}
	if _, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNone, where)
	}
	return Open(ctx, where)
}

// opened keeps a nil pointer from becoming a store that is not nil.
func opened[S inbox.Store](store S, err error) (inbox.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

// Examine says what is there, or why a process that receives could not start on it. It changes nothing.
func Examine(ctx context.Context, where string) (found string, err error) {
	if !IsShared(where) {
		return examineFile(where)
	}
	store, err := OpenExisting(ctx, where)
	if errors.Is(err, ErrNone) {
		return Name(where) + ": no inbox of this version yet; it is made at the first start", postgres.CanMake(ctx, where)
	}
	if err != nil {
		return "", err
	}
	counts, err := store.Counts(ctx)
	if err = errors.Join(err, store.Close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %d pending", Name(where), counts[inbox.StatePending]), nil
}

// examineFile does not open the inbox: a process may have it open.
func examineFile(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		return path, file.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the inbox can't be written: %w", err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s: its folder is not there; make it, or mend --inbox (SIGNALBOX_INBOX)", path)
	}
	return path + ": no inbox yet; it is made at the first start", nil
}
