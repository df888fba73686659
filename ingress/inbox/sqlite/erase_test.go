package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
)

// An open read transaction blocks the truncation of the WAL. The erasure waits for it; appends go on.
func TestAppendsGoOnWhileAnErasureWaitsForAReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	s := open(t, path)
	receipts, err := s.Append(t.Context(), []inbox.Delivery{delivery(0)})
	require.NoError(t, err)
	snapshot, err := outside(t, path).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var rows int
	require.NoError(t, snapshot.QueryRow("SELECT count(*) FROM inbox_delivery").Scan(&rows))

	erased := make(chan error, 1)
	go func() {
		for {
			// A slow disk takes longer than an erasure waits.
			if err := s.Erase(context.Background(), "lane", []string{receipts[0].ID}); !errors.Is(err, inbox.ErrBusy) {
				erased <- err
				return
			}
		}
	}()
	require.Eventually(t, func() bool {
		d, err := s.Get(t.Context(), receipts[0].ID)
		return err == nil && d.Reason == "erased"
	}, time.Minute, time.Millisecond)
	other, err := outside(t, path).Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	require.Eventually(t, func() bool {
		if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			require.ErrorContains(t, err, "SQLITE_BUSY")
			return true
		}
		_, err := other.ExecContext(t.Context(), "ROLLBACK")
		require.NoError(t, err)
		return false
	}, time.Minute, time.Millisecond, "the erasure never held the write lock")
	for n := range int64(3) {
		_, err := s.Append(t.Context(), []inbox.Delivery{delivery(n + 1)})
		require.NoError(t, err)
	}
	require.NoError(t, snapshot.Rollback())
	require.NoError(t, <-erased)
}

// Deleted rows stay in the database file and in its WAL unless they are overwritten.
func TestErasedAndPurgedBytesAreGoneFromTheFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	s := open(t, path)
	const purged, erased, kept = "purged-body", "erased-body", "kept-body"
	put := func(n int64, body string, size int, state inbox.State) string {
		d := delivery(n)
		d.Lane, d.DedupeKey = "offload-case/"+body, "key of "+body
		d.DedupeKey += fmt.Sprint(n)
		d.Body, d.State = bytes.Repeat([]byte(body+" "), size), state
		var receipts []inbox.Receipt
		inboxtest.RetryBusy(t, func() (err error) {
			receipts, err = s.Append(t.Context(), []inbox.Delivery{d})
			return err
		})
		return receipts[0].ID
	}
	var ids []string
	for n := int64(0); n < 300; n += 3 {
		put(n, purged, 50, inbox.StateDead)
		ids = append(ids, put(n+1, erased, 50+10*int(n), inbox.StatePending))
		put(n+2, kept, 50, inbox.StatePending)
	}
	now := received.Add(time.Hour)
	inboxtest.RetryBusy(t, func() error {
		_, err := s.Purge(t.Context(), inbox.PurgeRequest{Now: now, RowsBefore: now})
		return err
	})
	revealed := inbox.AuditEntry{At: received, Who: "ada", Action: "reveal", Subject: "API key of offload-case/" + erased}
	inboxtest.RetryBusy(t, func() error { return s.Audit(t.Context(), revealed) })
	inboxtest.RetryBusy(t, func() error { return s.Erase(t.Context(), "offload-case/"+erased, ids) })
	for _, name := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotContains(t, string(content), purged, name)
		require.NotContains(t, string(content), erased, name)
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(content), kept)
}
