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
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// busyTimeout is how long opening and reading wait for a lock.
	busyTimeout = 5 * time.Second
	readers     = 4
)

// Options say how an inbox is opened. The zero value is the default.
type Options struct {
	// MaxWaiting is how many writes may wait before others are refused with inbox.ErrBusy (default 8192), MaxWaitingBytes how
	// many bytes of bodies (default 64 MiB).
	MaxWaiting      int
	MaxWaitingBytes int64
	// Logger gets what a person should know of the file. Without one nothing is logged.
	Logger *zap.Logger
}

// Store is an inbox.Store in one SQLite file.
type Store struct {
	reads  *reader
	writes *writer
	queue  *group.Committer[*job]
	file   *file
	wake   chan struct{}
	close  func() error
}

var _ inbox.Store = (*Store)(nil)

// Open opens the file at path, makes it (mode 0600) where there is none, and brings its tables up to date. The folder must exist.
// It returns inbox.ErrNewer where a newer version has changed the tables.
func Open(ctx context.Context, path string, options Options) (_ *Store, err error) {
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: resolve path: %w", err)
	}
	s := &Store{wake: make(chan struct{}, 1), file: &file{path: path}}
	s.close = sync.OnceValue(s.closeAll)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("sqlite inbox: open %s: %w", path, err), s.close())
		}
	}()
	if err := createPrivate(ctx, path); err != nil {
		return nil, err
	}
	if s.writes, err = openWriter(ctx, s.file, options.Logger); err != nil {
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
	// Readers first: the last connection of all processes folds the WAL into the file and removes it, which a reader can't.
	if s.reads != nil {
		errs = append(errs, s.reads.close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.close())
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

// createPrivate makes the file before SQLite would with the process's umask; SQLite gives its WAL and index the mode of the file.
// It does not open a file that is there: closing it again would drop the locks that this process may hold on it.
func createPrivate(ctx context.Context, path string) error {
	created, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("restrict file: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	if err := errors.Join(created.Sync(), created.Close(), syncFolder(path)); err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	// An empty file takes its page size and auto_vacuum from the first VACUUM.
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_pragma": {"page_size(" + strconv.Itoa(pageSize) + ")", "auto_vacuum(INCREMENTAL)"}}))
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM")
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("create file: %w", err)
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

// file tells whether the inbox's file is still the one that was opened. Only one goroutine at a time may use it.
type file struct {
	path      string
	main, log os.FileInfo
}

// check compares what stands at the paths with what stood there the first time. It costs two system calls, once per batch.
func (f *file) check() error {
	for _, one := range []struct {
		path  string
		first *os.FileInfo
	}{{f.path, &f.main}, {f.path + "-wal", &f.log}} {
		found, err := os.Stat(one.path)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrReplaced, err)
		case *one.first == nil:
			*one.first = found
		case !os.SameFile(*one.first, found):
			return fmt.Errorf("%w: %s", ErrReplaced, one.path)
		}
	}
	return nil
}

// migrate brings the tables up to date. Two processes may start at once: the one that fails then finds the work done.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	const tries = 5
	for try := 1; ; try++ {
		_, err := provider.Up(ctx)
		if err == nil {
			break
		}
		if try == tries || ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	found, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the tables: %w", err)
	}
	if sources := provider.ListSources(); found > sources[len(sources)-1].Version {
		return fmt.Errorf("%w: %d, and this program knows up to %d; start the newer one", inbox.ErrNewer, found, sources[len(sources)-1].Version)
	}
	return nil
}

func dsn(path string, query url.Values) string {
	query.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}).String()
}
