package postgres_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) {
	if claimUntilKilled() || appendUntilKilled() {
		return
	}
	testenv.RunWithoutLeaks(pgtest.Run(m))
}

func TestPostgreSQLPassesTheSuiteOfAllStores(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, func(t *testing.T) inbox.Store { return open(t, pgtest.Shared(t).Database(t)) })
}

func open(t testing.TB, address string) *postgres.Store {
	t.Helper()
	return openWith(t, address, postgres.Patient)
}

func openWith(t testing.TB, address string, options postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), address, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
