package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

func TestPostgreSQLIsMeasuredByOneIngressAndBySeveral(t *testing.T) {
	t.Parallel()
	address := pgtest.Shared(t).Database(t)
	run := func(args ...string) (string, error) {
		command := Command()
		var out bytes.Buffer
		command.SetOut(&out)
		command.SetErr(&bytes.Buffer{})
		command.SetArgs(append([]string{"postgres", "--seconds", "0.3", "--rows", "3000", "--folder", t.TempDir(), "--inbox", address}, args...))
		err := command.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run("--json")
	require.NoError(t, err)
	var report Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Len(t, report.Shared, 1+len(replicaCounts))
	require.Equal(t, rowSQLite, report.Shared[0].Name)
	for _, s := range report.Shared {
		require.Positive(t, s.Count, s.Name)
		require.Equal(t, manyConnections, s.Connections, s.Name)
	}
	require.Len(t, report.Rows, 13)
	require.Len(t, report.Figures, len(report.Rows))
	for _, g := range report.Rows {
		require.Positive(t, g.Times, g.Task)
		require.Equal(t, g.Few.Count, g.Many.Count, g.Task)
	}
	_, err = run()
	require.ErrorIs(t, err, errUsedInbox)
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	var left int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'signalbox%'").Scan(&left))
	require.Zero(t, left, "the schemas are gone")

	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), rowPostgres(2))
	require.Contains(t, table.String(), report.Figures[0].What)
}

func TestASchemaIsNamedWhateverTheAddressNames(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://u@h/d", "postgres://u@h1:1,h2:2/d?search_path=x&connect_timeout=3"} {
		config, err := pgx.ParseConfig(within(address, "s"))
		require.NoError(t, err)
		require.Equal(t, "s", config.RuntimeParams["search_path"])
		require.Equal(t, "u", config.User)
	}
}
