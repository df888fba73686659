package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// lockTables keeps everybody from writing until the returned function is called.
func lockTables(t *testing.T, address string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE inbox_delivery")
	require.NoError(t, err)
	return func() { end(t, conn) }
}

// end gives up a session's transaction and closes it. Without the first, the server may keep the locks for a moment.
func end(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	_, err := conn.Exec(context.Background(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, conn.Close(context.Background()))
}

func TestAServerThatWouldNotKeepWhatItIsGivenIsRefused(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.Database(t)
	server.Exec(t, "postgres", "ALTER SYSTEM SET fsync = off", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	server.Stop(t)
	server.Restart(t)
	_, err := postgres.Open(t.Context(), address, postgres.Options{})
	require.ErrorIs(t, err, postgres.ErrUnsuitable)
	require.ErrorContains(t, err, "fsync = on")

	server.Exec(t, "postgres", "ALTER SYSTEM SET fsync = on")
	server.Stop(t)
	server.Restart(t)
	require.NoError(t, open(t, address).Close())
	_, err = postgres.Open(t.Context(), server.URL("latin"), postgres.Options{})
	require.ErrorIs(t, err, postgres.ErrUnsuitable)
	require.ErrorContains(t, err, "UTF8")
}

func TestNoErrorShowsThePassword(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	plain := server.Database(t)
	server.Exec(t, "postgres", "DROP ROLE IF EXISTS guarded", "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'hunter2 hunter2'")
	at := func(user string) string { return strings.Replace(plain, "user=signalbox", user, 1) }
	s, err := postgres.Open(t.Context(), at("user=guarded&password=hunter2%20hunter2"), postgres.Patient)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	_, err = postgres.Open(t.Context(), at("user=guarded&password=wrong-hunter2"), postgres.Options{})
	require.ErrorContains(t, err, "guarded")
	require.NotErrorIs(t, err, inbox.ErrBusy, "waiting would not help")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAnAddressThatCannotBeUsedIsToldWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://u:hunter2@127.0.0.1:1/d",
		"postgres://u:hunter2@127.0.0.1:port/d",
		"postgres://u:hun/ter2hunter2@h/d",
		"postgres://u:1/hunter2@h/d",
		"postgres://u:1?hunter2@h/d",
		"postgres://u:1#hunter2@h/d",
		"postgres://u:%hunter2@h/d",
		"postgres://u:hunter2 @h/d",
		"postgres://h/d?user=u&password=hunter2&sslmode=sometimes",
		"postgres://u:hunter2@h/d?sslmode=sometimes",
		"postgres://h/d?sslpassword=hunter2&connect_timeout=soon",
		"postgres://u:1,2/hunter2@h/d",
		"postgres://u:hunter2@h1:1,h2:port/d",
		"postgres:hunter2",
		"hunter2",
	} {
		_, err := postgres.Open(t.Context(), address, postgres.Options{})
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "hunter2", address)
		require.NotContains(t, postgres.Redact(address), "hunter2", address)
		if check := postgres.CheckAddress(address); check != nil {
			require.NotContains(t, check.Error(), "hunter2", address)
		}
	}
	several := "postgres://u:hunter2@h1:5432,h2:5433/d?target_session_attrs=read-write"
	require.NoError(t, postgres.CheckAddress(several))
	require.Equal(t, "postgres://u@h1:5432,h2:5433/d?target_session_attrs=read-write", postgres.Redact(several))
	require.Equal(t, "postgres://u@h:5433/d?search_path=s", postgres.Redact("postgres://u:hunter2@h:5433/d?password=hunter2&search_path=s"))
}

func TestAServerThatIsAwayIsBusyAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://u@127.0.0.1:1/d", postgres.Options{})
	require.ErrorIs(t, err, inbox.ErrBusy)
	require.ErrorContains(t, err, "inbox: busy or unreachable: ", "nothing listens there")
	_, err = postgres.Open(t.Context(), strings.Replace(pgtest.Shared(t).URL("none"), "none", "no_such_database", 1), postgres.Options{})
	require.ErrorContains(t, err, "no_such_database")
	require.NotErrorIs(t, err, inbox.ErrBusy)
}

// Another program may live in the database, also one that keeps its own record by the same tool; and so may a second inbox.
func TestInboxesInSchemasOfOneDatabaseAreApart(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	address := server.Database(t)
	u, err := url.Parse(address)
	require.NoError(t, err)
	server.Exec(t, strings.TrimPrefix(u.Path, "/"), "CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE TABLE goose_db_version (mine text)")
	var stores []*postgres.Store
	for _, schema := range []string{"one", "two"} {
		stores = append(stores, open(t, address+"&search_path="+schema))
	}
	_, err = stores[0].Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err)
	for i, s := range stores {
		counts, err := s.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(1-i), counts[inbox.StatePending])
	}
	require.Zero(t, ask[int](t, address, fmt.Sprintf("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE %s", "'inbox%'")))
}

func TestTablesOfANewerVersionAreRefused(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	s := open(t, address)
	before := ask[int](t, address, "SELECT max(version_id) FROM signalbox_migration")
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "INSERT INTO signalbox_migration (version_id, is_applied) VALUES ($1, true)", before+1)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	for _, options := range []postgres.Options{postgres.Patient, postgres.PatientNoMigrate} {
		_, err = postgres.Open(t.Context(), address, options)
		require.ErrorIs(t, err, inbox.ErrNewer)
	}
	_, err = s.Append(t.Context(), []inbox.Delivery{inboxtest.Pending("a", "1")})
	require.NoError(t, err, "what runs already goes on")
}
