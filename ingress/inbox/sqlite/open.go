package sqlite

import (
	"cmp"
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
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
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
	// NoMigrate leaves the tables as they are. Open fails with fs.ErrNotExist, inbox.ErrNoTables or inbox.ErrOlder if they are not current.
	NoMigrate bool
	// Logger gets what a person should know of the file. Without one nothing is logged.
	Logger *zap.Logger
	// walSizes limits the WAL; tests set it lower. Zero means usualWALSizes.
	walSizes walSizes
}

// Store is an inbox.Store in one SQLite file.
type Store struct {
	*sqlstore.Store
	db *database
}

var _ inbox.Store = (*Store)(nil)

// database is a file that is open.
type database struct {
	*reader
	writes *writer
	queue  *group.Committer[*job]
	file   *fileGuard
	close  func() error
}

// Open opens the file at path, makes it (mode 0600) where there is none, and brings its tables up to date. The folder must exist.
// It returns inbox.ErrNewer where a newer version has changed the tables.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	options.Logger = cmp.Or(options.Logger, zap.NewNop())
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: resolve path: %w", err)
	}
	db := &database{file: &fileGuard{path: path}}
	db.close = sync.OnceValue(db.closeAll)
	s := &Store{sqlstore.New(db), db}
	if !options.NoMigrate {
		err = createPrivate(path)
	}
	if err == nil {
		db.writes, err = openWriter(ctx, s.Store, db.file, options)
	}
	if err == nil {
		db.reader, err = openReader(ctx, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite inbox: open %s: %w", path, err), db.close())
	}
	db.writes.checkpoints.db = db.db
	db.queue = group.New(db.writes.commit)
	return s, nil
}

// Close implements inbox.Store. It returns when all that was accepted is on disk.
func (s *Store) Close() error { return s.db.close() }

func (d *database) closeAll() error {
	var errs []error
	if d.queue != nil {
		d.queue.Close()
		d.writes.checkpoints.ends.Wait()
	}
	// Close the readers first: the last connection of all processes copies the WAL into the file and removes it, and a reader can't.
	if d.reader != nil {
		errs = append(errs, d.reader.close())
	}
	if d.writes != nil {
		errs = append(errs, d.writes.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqlite inbox: close: %w", err)
	}
	return nil
}

// Append implements sqlstore.Database.
func (d *database) Append(ctx context.Context, rows []*sqlstore.Delivery, size int64) error {
	transient := func(err error) bool { return isOutage(err) && !errors.Is(err, ErrReplaced) }
	return group.Retry(ctx, transient, func(error) error { return d.queue.Do(ctx, &job{rows: rows}, size) })
}

// Write implements sqlstore.Database.
func (d *database) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) error {
	return d.queue.Do(ctx, &job{work: work, relaxed: relaxed}, 0)
}

// Check implements inbox.Store. The writer commits an empty transaction, which fails if the file is locked or was replaced or removed.
func (s *Store) Check(ctx context.Context) error {
	return s.db.Wrap(ctx, "check", s.db.queue.Do(ctx, &job{relaxed: true}, 0))
}

// Size implements inbox.Store.
func (s *Store) Size(context.Context) (size inbox.Size, err error) {
	for path, bytes := range map[string]*int64{s.db.file.path: &size.Tables, s.db.file.path + "-wal": &size.Log} {
		info, err := os.Stat(path)
		if err != nil {
			return inbox.Size{}, fmt.Errorf("sqlite inbox: size: %w", err)
		}
		*bytes = info.Size()
	}
	return size, nil
}

// Purge implements inbox.Store.
func (s *Store) Purge(ctx context.Context, request inbox.PurgeRequest) (inbox.Purged, error) {
	purged, err := s.Store.Purge(ctx, request)
	if err == nil {
		err = s.db.Wrap(ctx, "vacuum", s.db.vacuum(ctx))
	}
	return purged, err
}

// Erase implements inbox.Store. The WAL still has the pages as they were, so it is copied into the file and emptied. A reader can prevent
// that for as long as it reads; after some five seconds Erase fails with inbox.ErrBusy, and the caller must repeat it.
func (s *Store) Erase(ctx context.Context, lane string, ids []string) error {
	if err := s.Store.Erase(ctx, lane, ids); err != nil {
		return err
	}
	return s.db.Wrap(ctx, "checkpoint WAL", s.db.writes.checkpoints.empty(ctx))
}

// vacuum gives pages back to the file system while more than a quarter of the file is free: 1,000 in one transaction, so that deliveries are not
// kept waiting. It stops where that has no effect (no auto_vacuum).
func (d *database) vacuum(ctx context.Context) error {
	for before := int64(-1); ; {
		var free int64
		err := d.Write(ctx, false, func(tx sqlstore.Tx) error {
			const freePages = "SELECT CASE WHEN freelist_count > page_count / 4 THEN freelist_count ELSE 0 END FROM pragma_freelist_count, pragma_page_count"
			err := tx.Each(freePages, func(row sqlstore.Row) error { return row.Scan(&free) })
			if err == nil && free > 0 && free != before {
				_, err = tx.Exec("PRAGMA incremental_vacuum(1000)")
			}
			return err
		})
		if err != nil || free == 0 || free == before {
			return err
		}
		before = free
	}
}

// createPrivate creates the file with mode 0600, before SQLite would create it with the umask's mode. SQLite gives the WAL and its index the
// same mode. For an existing file it only sets the mode: opening and closing it would drop the locks that this process holds on it.
func createPrivate(path string) error {
	created, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = os.Chmod(path, 0o600)
	case err == nil:
		err = errors.Join(created.Sync(), created.Close(), syncFolder(path))
	}
	if err != nil {
		return fmt.Errorf("create file with mode 0600: %w", err)
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

// ErrReplaced says that the inbox's file, or the WAL beside it, is not the one that was opened any more. A write would be lost, so
// nothing is accepted until the process starts again.
var ErrReplaced = errors.New("the file was removed or replaced while it was open; restart this process")

// fileGuard detects that the inbox's file or its WAL was replaced or removed after it was opened. It is not safe for concurrent use.
type fileGuard struct {
	path    string
	first   [2]os.FileInfo // of the file and its WAL
	walSize int64          // at the last check
}

// check compares the files at the paths with those at the first check. It costs two system calls for each batch.
func (f *fileGuard) check() error {
	for i, path := range []string{f.path, f.path + "-wal"} {
		found, err := os.Stat(path)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrReplaced, err)
		case f.first[i] == nil:
			f.first[i] = found
		case !os.SameFile(f.first[i], found):
			return fmt.Errorf("%w: %s", ErrReplaced, path)
		}
		f.walSize = found.Size()
	}
	return nil
}

const hasTable = "SELECT count(*) > 0 FROM sqlite_master WHERE name = '" + sqlstore.VersionTable + "'"

// migrate brings the tables up to date or, with noMigrate, checks them. Of two processes that start at once one may fail: it tries again.
func migrate(ctx context.Context, db *sql.DB, noMigrate bool) error {
	for try := 1; ; try++ {
		err := sqlstore.Migrate(ctx, db, noMigrate, hasTable, migrations, goose.DialectSQLite3)
		if err == nil || noMigrate || try == 5 || ctx.Err() != nil {
			return err
		}
	}
}

func dsn(path string, query url.Values) string {
	query.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}).String()
}
