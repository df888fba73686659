package storage_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m).Run()) }

// stores has, for each store: inbox makes an inbox, restore makes another from a backup. Both return its setting --inbox.
var stores = map[string]struct {
	inbox   func(t *testing.T) string
	restore func(t *testing.T, backup string) string
}{
	"SQLite": {
		func(t *testing.T) string { return filepath.Join(t.TempDir(), "inbox.db") },
		func(t *testing.T, backup string) string {
			content, err := os.ReadFile(backup)
			require.NoError(t, err)
			where := filepath.Join(t.TempDir(), "restored.db")
			require.NoError(t, os.WriteFile(where, content, 0o600))
			return where
		},
	},
	"PostgreSQL": {
		func(t *testing.T) string { return pgtest.Shared(t).Database(t) },
		func(t *testing.T, backup string) string {
			where := pgtest.Shared(t).Database(t)
			output, err := exec.CommandContext(t.Context(), "pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", "--dbname="+where, backup).CombinedOutput()
			require.NoError(t, err, string(output))
			return where
		},
	},
}

func TestABackupUnderTrafficHoldsWhatWasAcknowledgedBeforeAndWorksOnItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "PostgreSQL" {
				pgtest.NeedDump(t)
			}
			ctx := t.Context()
			where := c.inbox(t)
			store, err := storage.Open(ctx, where, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })

			traffic, stop := context.WithCancel(ctx)
			var acknowledged sync.Map
			var count atomic.Int64
			var senders sync.WaitGroup
			for range 8 {
				senders.Go(func() {
					for traffic.Err() == nil {
						n := count.Add(1)
						receipts, err := store.Append(ctx, []inbox.Delivery{pending(n)})
						if err == nil {
							acknowledged.Store(receipts[0].ID, n)
						}
					}
				})
			}
			require.Eventually(t, func() bool { return count.Load() > 300 }, time.Minute, time.Millisecond)
			// A claim is held at the moment of the backup, and one delivery is settled.
			var lanes []inbox.Lane
			inboxtest.RetryBusy(t, func() (err error) {
				lanes, err = store.Claim(ctx, inbox.ClaimRequest{Owner: "old", Now: now(1), Lease: 15 * time.Second, MaxLanes: 3, MaxPerLane: 5})
				return err
			})
			require.Len(t, lanes, 3)
			settled := lanes[0].Deliveries[0]
			inboxtest.RetryBusy(t, func() error {
				return store.Settle(ctx, inbox.SettleRequest{Now: now(1), Claims: map[string]int64{lanes[0].Name: lanes[0].Claim}, Settlements: []inbox.Settlement{
					inbox.Finish(settled.ID, inbox.StateDelivered, ""),
				}})
			})
			inboxtest.RetryBusy(t, func() error { return store.Audit(ctx, inbox.AuditEntry{At: now(1), Who: "ada", Action: "purge"}) })
			before := map[string]int64{}
			acknowledged.Range(func(id, n any) bool {
				before[id.(string)] = n.(int64)
				return true
			})

			backup := filepath.Join(t.TempDir(), "backup")
			require.NoError(t, storage.Backup(ctx, where, backup))
			stop()
			senders.Wait()
			info, err := os.Stat(backup)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			left, err := os.ReadDir(filepath.Dir(backup))
			require.NoError(t, err)
			require.Len(t, left, 1)
			require.ErrorIs(t, storage.Backup(ctx, where, backup), storage.ErrBackupFile)

			restored, err := storage.Open(ctx, c.restore(t, backup), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, restored.Close()) })
			for id, n := range before {
				one, err := restored.Get(ctx, id)
				require.NoError(t, err)
				require.Equal(t, pending(n).Body, one.Body)
			}
			trail, err := restored.AuditTrail(ctx, "", 1)
			require.NoError(t, err)
			require.Len(t, trail, 1)

			// A dedupe key still finds its delivery, a new delivery is stored, and what was claimed can be claimed again after the lease.
			n := before[settled.ID]
			var again []inbox.Receipt
			tries, next := 0, pending(count.Add(1))
			inboxtest.RetryBusy(t, func() (err error) {
				tries++
				again, err = restored.Append(ctx, []inbox.Delivery{pending(n), next})
				return err
			})
			require.Equal(t, inbox.Receipt{ID: settled.ID, Outcome: inbox.OutcomeDuplicate}, again[0])
			if tries == 1 { // a try that failed may have been committed
				require.Equal(t, inbox.OutcomeNew, again[1].Outcome)
			}
			claimed := map[string]bool{}
			for at := 20; ; {
				var lanes []inbox.Lane
				inboxtest.RetryBusy(t, func() (err error) {
					lanes, err = restored.Claim(ctx, inbox.ClaimRequest{Owner: "new", Now: now(at), Lease: time.Minute, MaxLanes: 200, MaxPerLane: 200})
					if err != nil {
						at += 60 // the claim may have been committed: go on after its lease
					}
					return err
				})
				if len(lanes) == 0 {
					break
				}
				for _, lane := range lanes {
					previous := ""
					for _, d := range lane.Deliveries {
						require.Less(t, previous, d.ID, "a lane stays in order")
						previous, claimed[d.ID] = d.ID, true
					}
				}
			}
			require.NotContains(t, claimed, settled.ID)
			for id := range before {
				require.True(t, claimed[id] || id == settled.ID, id)
			}
			require.True(t, claimed[again[1].ID])
		})
	}
}

// now is a time so many seconds after the deliveries.
func now(seconds int) time.Time {
	return time.Date(2026, 5, 1, 12, 0, seconds, 0, time.UTC)
}

// pending is the nth of the deliveries, which are in ten lanes.
func pending(n int64) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Kind: "case.completed", State: inbox.StatePending, Lane: fmt.Sprint("offload-case/", n%10), DedupeKey: fmt.Sprint(n),
		Body: fmt.Append(nil, "sealed ", n), Fingerprint: fmt.Append(nil, n), ReceivedAt: now(0).Add(time.Duration(n) * time.Microsecond),
	}
}

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	damaged := filepath.Join(folder, "inbox.db")
	require.NoError(t, os.WriteFile(damaged, []byte("no database at all, but long enough to be read as the header of one, with its hundred bytes. . . . ."), 0o600))
	require.Error(t, storage.Backup(t.Context(), damaged, filepath.Join(folder, "backup")))
	require.Error(t, storage.Backup(t.Context(), filepath.Join(folder, "none.db"), filepath.Join(folder, "backup")))
	require.ErrorContains(t, storage.Backup(t.Context(), damaged, filepath.Join(folder, "none", "backup")), "none")
	for path, says := range map[string]string{"": "name the file", folder: "it is a folder: name a file in it", damaged: "the file is there already"} {
		err := storage.Backup(t.Context(), damaged, path)
		require.ErrorIs(t, err, storage.ErrBackupFile, path)
		require.ErrorContains(t, err, says)
	}
	err := storage.Backup(t.Context(), damaged, filepath.Join(damaged, "backup"))
	require.ErrorIs(t, err, syscall.ENOTDIR)
	require.NotErrorIs(t, err, storage.ErrBackupFile)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
