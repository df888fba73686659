package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

func claimAll(t *testing.T, s *sqlite.Store, now time.Time) []inbox.Lane {
	t.Helper()
	lanes, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: now, Lease: time.Minute, MaxLanes: 10_000, MaxPerLane: 10_000})
	require.NoError(t, err)
	return lanes
}

func TestTheFilesAreForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "inbox.db")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	s := open(t, path)
	_, err := s.Append(context.Background(), []inbox.Delivery{delivery(1)})
	require.NoError(t, err)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3, "file, WAL and its index")
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
	}
}

func TestAMissingFolderAndAForeignFileAreErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, err := sqlite.Open(context.Background(), filepath.Join(folder, "no", "inbox.db"), sqlite.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(folder, "foreign")
	require.NoError(t, os.WriteFile(path, []byte(fmt.Sprintf("%01000d", 0)), 0o600))
	_, err = sqlite.Open(context.Background(), path, sqlite.Options{})
	require.ErrorContains(t, err, "not a database")
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a b?c#d%20é&_journal_mode=OFF")
	require.NoError(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, "in box?.db")
	require.NoError(t, open(t, path).Close())
	_, err := os.Stat(path)
	require.NoError(t, err)
}

func TestAfterARestartWaitsAndClaimsGoOn(t *testing.T) {
	t.Parallel()
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "inbox.db")
	s := open(t, path)
	receipts, err := s.Append(ctx, []inbox.Delivery{delivery(1), delivery(2), delivery(3)})
	require.NoError(t, err)
	now := received.Add(time.Hour)
	lanes := claimAll(t, s, now)
	require.Len(t, lanes, 3)
	require.NoError(t, s.Settle(ctx, inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(lanes[:2]), Settlements: []inbox.Settlement{
		inbox.Finish(receipts[0].ID, inbox.StateDelivered, ""),
		inbox.Retry(receipts[1].ID, now.Add(2*time.Minute), "later", true),
	}}))
	require.NoError(t, s.Close())

	s = open(t, path)
	require.Empty(t, claimAll(t, s, now), "the claim of the third has a lease")
	lanes = claimAll(t, s, now.Add(time.Minute))
	require.Len(t, lanes, 1)
	require.Equal(t, receipts[2].ID, lanes[0].Deliveries[0].ID)
	require.Len(t, claimAll(t, s, now.Add(2*time.Minute)), 2)
	again, err := s.Append(ctx, []inbox.Delivery{delivery(1)})
	require.NoError(t, err)
	require.Equal(t, inbox.OutcomeDuplicate, again[0].Outcome)
}

func TestALongBacklogIsDrainedInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "inbox.db"))
	const lanes, perLane = 700, 10
	for k := range perLane {
		var batch []inbox.Delivery
		for l := range lanes {
			d := delivery(int64(l))
			d.DedupeKey = fmt.Sprint(k)
			batch = append(batch, d)
		}
		_, err := s.Append(context.Background(), batch)
		require.NoError(t, err)
	}
	seen := map[string]int{}
	now := received.Add(24 * time.Hour)
	for {
		claimed, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: now, Lease: time.Minute, MaxLanes: 90, MaxPerLane: 4})
		require.NoError(t, err)
		if len(claimed) == 0 {
			break
		}
		var settlements []inbox.Settlement
		for _, lane := range claimed {
			for _, d := range lane.Deliveries {
				require.Equal(t, fmt.Sprint(seen[lane.Name]), d.DedupeKey)
				seen[lane.Name]++
				settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			}
		}
		require.NoError(t, s.Settle(context.Background(), inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(claimed), Settlements: settlements}))
	}
	require.Len(t, seen, lanes)
	for lane, n := range seen {
		require.Equal(t, perLane, n, lane)
	}
}

func TestCloseKeepsWhatWasAccepted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	require.NoError(t, err)
	const callers = 200
	ids := make([]string, callers)
	var wg sync.WaitGroup
	var some sync.WaitGroup
	some.Add(callers / 4)
	for i := range callers {
		wg.Go(func() {
			receipts, err := s.Append(context.Background(), []inbox.Delivery{delivery(int64(i))})
			switch {
			case err == nil:
				ids[i] = receipts[0].ID
			case !errors.Is(err, inbox.ErrClosed):
				t.Errorf("append: %v", err)
			}
			if i < callers/4 {
				some.Done()
			}
		})
	}
	some.Wait()
	require.NoError(t, s.Close())
	wg.Wait()

	s = open(t, path)
	var kept int64
	for _, id := range ids {
		if id == "" {
			continue
		}
		kept++
		_, err := s.Get(context.Background(), id)
		require.NoError(t, err)
	}
	counts, err := s.Counts(context.Background())
	require.NoError(t, err)
	require.Equal(t, kept, counts[inbox.StatePending])
}

func TestRetentionGivesDiskSpaceBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	s := open(t, path)
	prefill(t, s, 5000)
	_, err := s.Purge(context.Background(), inbox.PurgeRequest{RowsBefore: received.Add(24 * time.Hour)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(1<<20), "5000 deliveries were about 6 MiB")
}

// A file that grows for ever fills the disk some day. Days of a steady rate, with retention as the service keeps it: bodies for 10
// days, rows for 30. Once the first rows have gone, a day needs the room that another gave back.
func TestAtASteadyRateTheFileStopsGrowing(t *testing.T) {
	t.Parallel()
	const perDay, keepBodies, keepRows = 50, 10, 30
	path := filepath.Join(t.TempDir(), "inbox.db")
	s := open(t, path)
	ctx := context.Background()
	day := func(n int) time.Time { return received.AddDate(0, 0, n) }
	sizes := make([]int64, 0, 3*keepRows)
	for n := range 3 * keepRows {
		batch := make([]inbox.Delivery, perDay)
		for i := range batch {
			batch[i] = delivery(int64(n*perDay + i))
			batch[i].ReceivedAt = day(n).Add(time.Duration(i) * time.Second)
		}
		_, err := s.Append(ctx, batch)
		require.NoError(t, err)
		require.Equal(t, perDay, inboxtest.Drain(t, s, "relay", day(n+1)))
		_, err = s.Purge(ctx, inbox.PurgeRequest{BodiesBefore: day(n + 1 - keepBodies), RowsBefore: day(n + 1 - keepRows)})
		require.NoError(t, err)
		sizes = append(sizes, fileSize(t, path))
	}
	counts, err := s.Counts(ctx)
	require.NoError(t, err)
	require.EqualValues(t, perDay*keepRows, counts[inbox.StateDelivered], "rows as old as their retention, and no older")
	first, last := slices.Max(sizes[keepRows:2*keepRows]), slices.Max(sizes[2*keepRows:])
	t.Logf("%d deliveries, %d with bodies: the file had at most %d KiB in the second month, %d in the third", perDay*keepRows, perDay*keepBodies, first>>10, last>>10)
	require.LessOrEqual(t, last, first+first/20, "the third month needs no more than the second")
	require.Less(t, last, int64(perDay*(keepRows*700+keepBodies*1000)), "in bytes for each row and each body")
}

// fileSize is without the WAL, which has a separate limit.
func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}
