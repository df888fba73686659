package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	busyTimeout = 5 * time.Second
	readers     = 4
	// writerCache holds the upper levels of the key index of some ten million deliveries; the
	// system caches the rest. SQLite walks all of its own cache at some commits.
	writerCache = 16 << 20
)

// Options bound what may wait for the disk. The zero value is the default.
type Options struct {
	// MaxWaiting is how many writes may wait before others are refused with inbox.ErrBusy
	// (default 8192), MaxWaitingBytes how many bytes of bodies (default 64 MiB).
	MaxWaiting      int
	MaxWaitingBytes int64
}

// Store is an inbox.Store in one SQLite file.
type Store struct {
	lock     *sql.DB
	reads    *reader
	writes   *writer
	queue    *group.Committer[*job]
	schedule *schedule
	// claiming lets one Claim work at a time. It guards takenIn, the last sequence that was read
	// into the schedule.
	claiming sync.Mutex
	takenIn  int64
	wake     chan struct{}
	close    func() error
}

var _ inbox.Store = (*Store)(nil)

// Open opens the file at path, makes it (mode 0600) where there is none, and brings its schema up
// to date. The folder must exist. It is an error when another process has the file open.
func Open(ctx context.Context, path string, options Options) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: resolve path: %w", err)
	}
	s := &Store{wake: make(chan struct{}, 1), schedule: newSchedule()}
	s.close = sync.OnceValue(s.closeAll)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if s.lock, err = lockFile(ctx, path+".lock"); err != nil {
		return nil, err
	}
	if s.writes, err = openWriter(ctx, path); err != nil {
		return nil, err
	}
	if s.reads, err = openReader(ctx, path); err != nil {
		return nil, err
	}
	s.queue = group.New(queueLimits(options), s.writes.commit)
	return s, nil
}

// Wake implements inbox.Store.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Close implements inbox.Store. It returns when all that was accepted is on disk.
func (s *Store) Close() error { return s.close() }

func (s *Store) closeAll() error {
	var errs []error
	if s.queue != nil {
		s.queue.Close()
	}
	// Readers first: the last connection to close is the writer, which then folds the WAL into
	// the file and removes it.
	if s.reads != nil {
		errs = append(errs, s.reads.close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqlite inbox: close: %w", err)
	}
	return nil
}

func (s *Store) signalWake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func queueLimits(o Options) group.Limits {
	limits := group.Limits{Waiting: 8192, WaitingBytes: 64 << 20, BatchJobs: 512, BatchBytes: 8 << 20}
	if o.MaxWaiting > 0 {
		limits.Waiting = o.MaxWaiting
	}
	if o.MaxWaitingBytes > 0 {
		limits.WaitingBytes = o.MaxWaitingBytes
	}
	return limits
}

// createPrivate makes the file before SQLite would with the process's umask; SQLite gives its
// WAL and index the mode of the file.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("sqlite inbox: restrict file: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("sqlite inbox: create file: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close(), syncFolder(path)); err != nil {
		return fmt.Errorf("sqlite inbox: create file: %w", err)
	}
	return nil
}

// syncFolder makes the file's name survive a power cut together with what is in it.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// lockFile holds an exclusive lock for as long as the returned database is open; the system
// drops it with the process. SQLite's own lock does it on every platform, and a file of its own
// keeps it out of the way of the inbox's readers.
func lockFile(ctx context.Context, path string) (*sql.DB, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_busy_timeout": {"0"}}))
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: open lock file: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		if primaryCode(err) == codeBusy {
			err = fmt.Errorf("another process has the inbox open: %w", err)
		}
		return nil, errors.Join(fmt.Errorf("sqlite inbox: lock %s: %w", path, err), db.Close())
	}
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("sqlite inbox: read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("sqlite inbox: read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("sqlite inbox: migrate: %w", err)
	}
	return nil
}

func dsn(path string, query url.Values) string {
	if query.Get("_busy_timeout") == "" {
		query.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}).String()
}
