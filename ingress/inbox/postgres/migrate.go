package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// versionTable is ours alone: the database may belong to a program that uses goose as well.
	versionTable = "signalbox_migration"
	// migrationLock is the advisory lock under which tables are made and changed.
	migrationLock int64 = 0x7369676e616c6278
)

// ErrNoInbox says that a database has no inbox, or one of an older version than this program's.
var ErrNoInbox = errors.New("the database has no inbox of this version")

// migrator waits for the lock in the database rather than asking again and again.
type migrator struct{}

func (migrator) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait for another process that migrates: %w", err)
	}
	return nil
}

func (migrator) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrationLock); err != nil {
		return fmt.Errorf("give the lock back: %w", err)
	}
	return nil
}

// migrate brings the tables up to date. Replicas that start together do it one after the other.
func migrate(ctx context.Context, pool *pgxpool.Pool) (err error) {
	provider, closeAll, err := gooseProvider(pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// checkMigrated is for those who look at an inbox and must not make one.
func checkMigrated(ctx context.Context, pool *pgxpool.Pool) (err error) {
	var there bool
	if err := pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", versionTable).Scan(&there); err != nil {
		return fmt.Errorf("look for the inbox: %w", err)
	}
	if !there {
		return ErrNoInbox
	}
	var version int64
	if err := pool.QueryRow(ctx, "SELECT max(version_id) FROM "+versionTable+" WHERE is_applied").Scan(&version); err != nil {
		return fmt.Errorf("look for the inbox: %w", err)
	}
	provider, closeAll, err := gooseProvider(pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	sources := provider.ListSources()
	if version < sources[len(sources)-1].Version {
		return ErrNoInbox
	}
	return nil
}

func gooseProvider(pool *pgxpool.Pool) (*goose.Provider, func() error, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, fmt.Errorf("read migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versionTable), goose.WithSessionLocker(migrator{}))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read migrations: %w", err), db.Close())
	}
	return provider, db.Close, nil
}
