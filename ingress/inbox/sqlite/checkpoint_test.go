package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

func TestALogThatAReaderOutsideHoldsIsWarnedOfAndShrinksAfterwardsOutsideCommits(t *testing.T) {
	t.Parallel()
	const restart, keep, warn = 128 << 10, 256 << 10, 512 << 10
	core, logs := observer.New(zap.DebugLevel)
	path := filepath.Join(t.TempDir(), "inbox.db")
	s, err := Open(context.Background(), path, Options{
		Logger:   zap.New(core),
		walSizes: walSizes{checkpoint: 64 << 10, restart: restart, keep: keep, warn: warn},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	appended := 0
	write := func() {
		batch := make([]inbox.Delivery, 20)
		for i := range batch {
			appended++
			batch[i] = inboxtest.Pending("lane", strconv.Itoa(appended))
			batch[i].Body = make([]byte, 2000)
		}
		_, err := s.Append(t.Context(), batch)
		require.NoError(t, err)
	}
	logSize := func() int64 {
		size, err := s.Size(t.Context())
		require.NoError(t, err)
		return size.Log
	}
	warnings := func() []observer.LoggedEntry {
		return logs.FilterMessageSnippet("inbox WAL grows: another program reads an old snapshot").All()
	}
	// automatic is the size in bytes at which a commit copies the log itself.
	automatic := func() (size int64) {
		onWriter(t, s, func(tx sqlstore.Tx) error {
			return tx.Each("PRAGMA wal_autocheckpoint", func(row sqlstore.Row) error { return row.Scan(&size) })
		})
		return size * pageSize
	}
	require.Zero(t, automatic(), "a process that was killed may have left a large log")
	for range 100 {
		write()
	}
	// One commit may be longer than what is left until the next restart, and a checkpoint that syncs a slow disk delays that.
	require.Eventually(t, func() bool {
		write()
		return logSize() <= 2*keep && automatic() == restart
	}, time.Minute, time.Millisecond, "without a reader")
	require.Empty(t, warnings())

	outside, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer func() { require.NoError(t, outside.Close()) }()
	snapshot, err := outside.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var rows int
	require.NoError(t, snapshot.QueryRow("SELECT count(*) FROM inbox_delivery").Scan(&rows))
	require.Equal(t, appended, rows)
	for logSize() < 4*warn {
		write()
	}
	require.Eventually(t, func() bool {
		write()
		return len(warnings()) > 0
	}, time.Minute, time.Millisecond)
	fields := warnings()[0].ContextMap()
	require.Equal(t, zap.WarnLevel, warnings()[0].Level)
	require.Greater(t, fields["held_bytes"], int64(warn))
	require.GreaterOrEqual(t, fields["log_bytes"], fields["held_bytes"])
	require.Zero(t, automatic(), "a commit after the reader's end would copy all that it held")

	require.NoError(t, snapshot.Rollback())
	require.Eventually(t, func() bool {
		write()
		return logSize() <= 2*keep && automatic() == restart
	}, time.Minute, time.Millisecond)
}
