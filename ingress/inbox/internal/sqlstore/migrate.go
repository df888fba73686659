package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// VersionTable is ours alone: the database may belong to a program that uses goose as well.
const VersionTable = "signalbox_migration"

// Migrate brings the tables up to date; with checkOnly, it only checks that they are. hasTable is a query that says whether the
// database has the VersionTable: unlike goose's own checks, it makes none.
func Migrate(ctx context.Context, db *sql.DB, checkOnly bool, hasTable string, migrations fs.FS, dialect goose.Dialect, options ...goose.ProviderOption) error {
	files, filesErr := fs.Sub(migrations, "migrations")
	provider, err := goose.NewProvider(dialect, db, files, append(options, goose.WithTableName(VersionTable))...)
	if err := errors.Join(filesErr, err); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	var there, ours int64 = 0, sources[len(sources)-1].Version
	var found bool
	if err = db.QueryRowContext(ctx, hasTable).Scan(&found); err == nil && found {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+VersionTable).Scan(&there)
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the version of the tables: %w", err)
	case there > ours:
		return fmt.Errorf("%w: version %d, this program has %d; start the newer program", inbox.ErrNewer, there, ours)
	case there == ours:
		return nil
	case checkOnly && there == 0:
		return inbox.ErrNoTables
	case checkOnly:
		return fmt.Errorf("%w: version %d, this program has %d", inbox.ErrOlder, there, ours)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
