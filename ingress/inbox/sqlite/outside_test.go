package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

// outside opens the file as a program that knows nothing of the inbox.
func outside(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func execOutside(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
}

func openLogged(t *testing.T, path string) (*sqlite.Store, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Logger: zap.New(core)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // some tests take its file away
	return s, logs
}

// Otherwise each command of a person waits for a gap between the writes of a busy ingress, for seconds.
func TestOpeningWaitsForNobodyWhoWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	require.NoError(t, open(t, path).Close())
	other := outside(t, path)
	execOutside(t, other, "BEGIN IMMEDIATE")
	s := open(t, path)
	_, err := s.List(t.Context(), inbox.Filter{})
	require.NoError(t, err)
	execOutside(t, other, "ROLLBACK")
	require.NoError(t, s.Audit(t.Context(), inbox.AuditEntry{At: received, Who: "a person", Action: "replay"}))
}

// A dump that is read into a new file makes one without auto_vacuum, which gives no page back.
func TestPurgeEndsInAFileThatCannotShrink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, restored := filepath.Join(folder, "inbox.db"), filepath.Join(folder, "restored.db")
	s := open(t, path)
	prefill(t, s, 2000)
	require.NoError(t, s.Close())
	db := outside(t, path)
	execOutside(t, db, "PRAGMA auto_vacuum = NONE", "VACUUM INTO '"+restored+"'")
	var vacuum int
	require.NoError(t, outside(t, restored).QueryRow("PRAGMA auto_vacuum").Scan(&vacuum))
	require.Zero(t, vacuum)

	s = open(t, restored)
	before := fileSize(t, restored)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	purged, err := s.Purge(ctx, inbox.PurgeRequest{RowsBefore: received.Add(24 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, 2000, purged.Rows)
	// The space is used again.
	prefill(t, s, 2000)
	require.NoError(t, s.Close())
	require.LessOrEqual(t, fileSize(t, restored), before+before/10)
}

func TestAFileOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	require.NoError(t, open(t, path).Close())
	execOutside(t, outside(t, path), "INSERT INTO signalbox_migration (version_id, is_applied) VALUES (7, 1)")
	_, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	require.ErrorIs(t, err, inbox.ErrNewer)
	require.ErrorContains(t, err, "version 7, this program has 1; start the newer program")
}

func TestAFileThatIsRemovedOrReplacedWhileOpenTakesNothing(t *testing.T) {
	t.Parallel()
	remove := os.Remove
	replace := func(path string) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".copy", content, 0o600); err != nil {
			return err
		}
		return os.Rename(path+".copy", path)
	}
	for name, c := range map[string]struct {
		suffix string
		lose   func(path string) error
	}{
		"file removed":  {"", remove},
		"file replaced": {"", replace},
		"log removed":   {"-wal", remove},
		"log replaced":  {"-wal", replace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "inbox.db")
			s, logs := openLogged(t, path)
			require.Empty(t, logs.All())

			require.NoError(t, c.lose(path+c.suffix))
			require.ErrorIs(t, s.Check(t.Context()), sqlite.ErrReplaced)
			for range 2 {
				_, err := s.Append(t.Context(), []inbox.Delivery{delivery(2)})
				require.ErrorIs(t, err, sqlite.ErrReplaced)
			}
			lost := logs.FilterMessage("inbox file was removed or replaced: webhooks are refused").All()
			require.NotEmpty(t, lost)
			require.Equal(t, zap.ErrorLevel, lost[0].Level)
			require.Contains(t, lost[0].ContextMap()["error"], "restart this process")
		})
	}
}
