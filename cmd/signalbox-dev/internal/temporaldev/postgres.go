package temporaldev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/schema"
	postgresqlschema "go.temporal.io/server/schema/postgresql/v12"
)

// The databases that a Temporal server on PostgreSQL has by default.
const mainDatabase, visibilityDatabase = "temporal", "temporal_visibility"

// postgresStores returns both databases of a PostgreSQL server, and creates missing ones.
func postgresStores(ctx context.Context, address string) (stores, error) {
	to, err := pgx.ParseConfig(address)
	if err != nil {
		return stores{}, errors.New("parse the address of PostgreSQL: want postgres://…") // the library's error may contain a password
	}
	for name, source := range map[string]struct{ path, version string }{
		mainDatabase:       {"postgresql/v12/temporal/schema.sql", postgresqlschema.Version},
		visibilityDatabase: {"postgresql/v12/visibility/schema.sql", postgresqlschema.VisibilityVersion},
	} {
		if err := createPostgresDatabase(ctx, to, name, source.path, source.version); err != nil {
			return stores{}, fmt.Errorf("make Temporal's database %s: %w", name, err)
		}
	}
	store := func(name string) *config.SQL {
		return &config.SQL{
			PluginName: postgresql.PluginName, DatabaseName: name, User: to.User, Password: to.Password, MaxConns: 20, MaxIdleConns: 20,
			// A host can also be the folder of a socket, which an address could not hold.
			ConnectAttributes: map[string]string{"host": to.Host, "port": strconv.Itoa(int(to.Port))},
		}
	}
	return stores{main: store(mainDatabase), visibility: store(visibilityDatabase)}, nil
}

// createPostgresDatabase creates a database with its schema. It does not change a database that has its schema.
func createPostgresDatabase(ctx context.Context, to *pgx.ConnConfig, name, path, version string) (err error) {
	server, err := pgx.ConnectConfig(ctx, to)
	if err != nil {
		return err
	}
	var exists bool
	err = server.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err == nil && !exists {
		_, err = server.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	}
	if err = errors.Join(err, server.Close(ctx)); err != nil {
		return err
	}
	within := to.Copy()
	within.Database = name
	database, err := pgx.ConnectConfig(ctx, within)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close(ctx)) }()
	if err := database.QueryRow(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&exists); err != nil || exists {
		return err
	}
	script, err := fs.ReadFile(schema.Assets(), path)
	if err != nil {
		return err
	}
	// Several statements in one message are one transaction.
	_, err = database.Exec(ctx, string(script)+`;
		CREATE TABLE schema_version (version_partition INT NOT NULL, db_name VARCHAR(255) NOT NULL, creation_time TIMESTAMP,
			curr_version VARCHAR(64), min_compatible_version VARCHAR(64), PRIMARY KEY (version_partition, db_name));
		INSERT INTO schema_version VALUES (0, '`+name+`', now(), '`+version+`', '`+version+`')`, pgx.QueryExecModeSimpleProtocol)
	return err
}
