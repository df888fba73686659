package inboxtest

import (
	"context"
	"database/sql"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// Migrate tests what a newer program does with the tables of an open store: one that receives brings them up to date, the command line does
// not; the store keeps storing.
func Migrate(t *testing.T, s inbox.Store, db *sql.DB, hasTable string, migrations fs.ReadFileFS, dialect goose.Dialect) {
	t.Helper()
	ctx := context.Background()
	initial, err := migrations.ReadFile("migrations/00001_inbox.sql")
	require.NoError(t, err)
	ours := fstest.MapFS{"migrations/00001_inbox.sql": {Data: initial}}
	newer := maps.Clone(ours)
	newer["migrations/00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE inbox_lane ADD COLUMN more INTEGER NOT NULL DEFAULT 0;")}
	migrate := func(files fs.FS, noMigrate bool) error {
		return sqlstore.Migrate(ctx, db, noMigrate, hasTable, files, dialect)
	}
	hasMore := func() bool {
		_, err := db.ExecContext(ctx, "SELECT more FROM inbox_lane")
		return err == nil
	}
	require.NoError(t, migrate(ours, true))
	err = migrate(newer, true)
	require.ErrorIs(t, err, inbox.ErrOlder)
	require.ErrorContains(t, err, "version 1, this program has 2")
	require.False(t, hasMore(), "a check changes nothing")
	require.NoError(t, migrate(newer, false))
	require.True(t, hasMore())
	for _, noMigrate := range []bool{true, false} {
		require.NoError(t, migrate(newer, noMigrate))
		require.ErrorIs(t, migrate(ours, noMigrate), inbox.ErrNewer)
	}
	id := add(t, s, delivery("a", "1", at(0)))[0].ID
	lanes := claim(t, s, request("relay", at(1)))
	require.NoError(t, s.Settle(ctx, inbox.SettleRequest{
		Now: at(2), Claims: Claims(lanes), Settlements: []inbox.Settlement{inbox.Finish(id, inbox.StateDelivered, "")},
	}))
	require.Equal(t, inbox.StateDelivered, get(t, s, id).State, "what runs already goes on")
}
