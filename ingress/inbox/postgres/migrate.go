package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// versionTable is ours alone: the database may belong to a program that uses goose as well.
	versionTable  = "signalbox_migration"
	selectVersion = "SELECT max(version_id) FROM " + versionTable + " WHERE is_applied"
	// migrationLock is the advisory lock under which tables are made and changed. It is asked for each second.
	migrationLock = 0x7369676e616c6278
	lockTries     = 600
)

// ErrNoInbox says that a database has no inbox, or one of an older version than this program's.
var ErrNoInbox = errors.New("the database has no inbox of this version")

// migrate brings the tables up to date, or only checks that they are. Replicas that start together do it one after the other.
func migrate(ctx context.Context, pool *pgxpool.Pool, checkOnly bool) (err error) {
	files, filesErr := fs.Sub(migrations, "migrations")
	locker, lockErr := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, lockTries))
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versionTable), goose.WithSessionLocker(locker))
	if err := errors.Join(filesErr, lockErr, err); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	var there, ours int64 = 0, sources[len(sources)-1].Version
	// Unlike goose's own, this question makes no table.
	err = pool.QueryRow(ctx, selectVersion).Scan(&there)
	switch {
	case err != nil && !hasState(err, undefinedTable):
		return fmt.Errorf("look for the inbox: %w", err)
	case there > ours:
		return fmt.Errorf("%w: version %d, this program has %d", inbox.ErrNewer, there, ours)
	case there == ours:
		return nil
	case checkOnly:
		return ErrNoInbox
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
