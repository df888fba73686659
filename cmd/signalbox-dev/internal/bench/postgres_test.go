package bench

import (
	"bytes"
	"encoding/json"
	"testing"

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
		command.SetArgs(append([]string{"postgres", "--seconds", "0.3", "--folder", t.TempDir(), "--inbox", address}, args...))
		err := command.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run("--json")
	require.NoError(t, err)
	var samples []Sample
	require.NoError(t, json.Unmarshal([]byte(out), &samples))
	require.Len(t, samples, 1+len(replicaCounts))
	require.Equal(t, rowSQLite, samples[0].Name)
	for _, s := range samples {
		require.Positive(t, s.Count, s.Name)
		require.Equal(t, manyConnections, s.Connections, s.Name)
	}
	_, err = run()
	require.ErrorIs(t, err, errUsedInbox)

	var table bytes.Buffer
	require.NoError(t, writeSamples(&table, samples, false))
	require.Contains(t, table.String(), rowPostgres(2))
}
