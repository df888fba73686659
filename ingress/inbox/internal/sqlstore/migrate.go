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

// VersionTable is not goose's usual table, because another program in the same database may use goose too.
const VersionTable = "signalbox_migration"

// Migrate brings the tables up to date; with noMigrate, it only checks that they are. hasTable is a query that reports whether VersionTable
// exists. goose's own check would create the table.
func Migrate(ctx context.Context, db *sql.DB, noMigrate bool, hasTable string, migrations fs.FS, dialect goose.Dialect, options ...goose.ProviderOption) error {
	files, filesErr := fs.Sub(migrations, "migrations")
	provider, err := goose.NewProvider(dialect, db, files, append(options, goose.WithTableName(VersionTable))...)
	if err := errors.Join(filesErr, err); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	var stored, current int64 = 0, sources[len(sources)-1].Version
	var found bool
	if err = db.QueryRowContext(ctx, hasTable).Scan(&found); err == nil && found {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+VersionTable).Scan(&stored)
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the version of the tables: %w", err)
	case stored > current:
		return fmt.Errorf("%w: version %d, this program has %d; start the newer program", inbox.ErrNewer, stored, current)
	case stored == current:
		return nil
	case noMigrate && stored == 0:
		return inbox.ErrNoTables
	case noMigrate:
		return fmt.Errorf("%w: version %d, this program has %d", inbox.ErrOlder, stored, current)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
