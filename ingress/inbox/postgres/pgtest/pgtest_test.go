package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(pgtest.Run(m)) }

func TestAServerKeepsWhatItHasThroughStopAndKill(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Database(t)
	query := func(sql string) int {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close(context.Background())) }()
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
		return n
	}
	require.Zero(t, query("WITH made AS (SELECT 1) SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"))
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept (n int)")
	require.NoError(t, err)
	for _, end := range []func(testing.TB){server.Stop, server.Kill} {
		_, err = conn.Exec(t.Context(), "INSERT INTO kept VALUES (1)")
		require.NoError(t, err)
		end(t)
		_, err = pgx.Connect(t.Context(), url)
		require.Error(t, err)
		require.NoError(t, conn.Close(t.Context()))
		server.Restart(t)
		conn, err = pgx.Connect(t.Context(), url)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close(t.Context()))
	require.Equal(t, 2, query("SELECT count(*) FROM kept"))
}

func TestTestsOfAPackageShareAServerButNoDatabase(t *testing.T) {
	t.Parallel()
	one, two := pgtest.Shared(t), pgtest.Shared(t)
	require.Same(t, one, two)
	require.NotEqual(t, one.Database(t), two.Database(t))
}
