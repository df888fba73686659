package temporaldev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// connectionLifetime is how long a connection to the database file is kept. Temporal's SQLite plugin never closes its pool, so only this frees the
// file after Stop. A new connection costs about a millisecond.
const connectionLifetime = 5 * time.Second

// starts counts the databases opened by this process.
var starts atomic.Int64

// sqliteConfig describes the database of one start. The plugin pools connections by their parameters for the life of
// the process; each start gets its own pool, since an older one could hold a file that was deleted meanwhile, or
// another server's memory. SQLite ignores a pragma that it does not know, which makes the parameters differ.
func sqliteConfig(file string) *config.SQL {
	start := strconv.FormatInt(starts.Add(1), 10)
	if file == "" {
		return &config.SQL{
			PluginName:        sqlite.PluginName,
			DatabaseName:      "temporaldev-" + start,
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}
	}
	return &config.SQL{
		PluginName:      sqlite.PluginName,
		DatabaseName:    file,
		MaxConnLifetime: connectionLifetime,
		ConnectAttributes: map[string]string{
			"mode": "rwc",
			// With a write-ahead log and NORMAL, a crash of the process loses nothing; a power failure may lose the
			// last moments, which a development server can afford.
			"journal_mode":      "wal",
			"synchronous":       "normal",
			"busy_timeout":      "10000",
			"temporaldev_start": start,
		},
	}
}

// stores are the databases of the server; SQLite has both in one.
type stores struct{ main, visibility *config.SQL }

// prepareDatabases creates missing parts of the schema, the namespace and the search attributes before the server runs. Then they are usable from
// the start; the services would notice a later change only after some time.
func prepareDatabases(ctx context.Context, opts Options) (stores, error) {
	databases, err := openStores(ctx, opts)
	if err != nil {
		return stores{}, err
	}
	db, err := sql.NewSQLDB(sqlplugin.DbKindMain, databases.main, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return stores{}, fmt.Errorf("open Temporal's database: %w", err)
	}
	return databases, errors.Join(ensureNamespace(ctx, db, opts), db.Close())
}

func openStores(ctx context.Context, opts Options) (stores, error) {
	if opts.Postgres != "" {
		return postgresStores(ctx, opts.Postgres)
	}
	database := sqliteConfig(opts.DatabaseFile)
	if opts.DatabaseFile != "" {
		if err := createSchema(database); err != nil {
			return stores{}, fmt.Errorf("create Temporal's schema in %s: %w", opts.DatabaseFile, err)
		}
	}
	return stores{main: database, visibility: database}, nil
}

// createSchema fills an empty or missing file. The schema is one script that ends with the visibility tables, and is not transactional: the server
// refuses a file from a start that was killed during the script.
func createSchema(database *config.SQL) error {
	info, err := os.Stat(database.DatabaseName)
	if err == nil && info.Size() > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return sqliteschema.SetupSchema(database)
}
